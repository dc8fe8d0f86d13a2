//! Buffers of some MiB that are used again. Given back to the system and asked of it anew, each page of the source and
//! each bulk would have all its memory cleared and mapped by the system first.

use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};

/// Buffers that wait, at most.
const KEPT: usize = 6;
/// Smaller ones come from the allocator as they are.
const LEAST: usize = 128 * 1024;
/// Larger ones are not kept.
const LARGEST: usize = 8 * 1024 * 1024;

/// For the whole process, as an allocator is.
static BUFFERS: Buffers = Buffers(Mutex::new(Vec::new()));

/// An empty buffer with room for so many bytes.
#[must_use]
pub fn take(bytes: usize) -> BytesMut {
    BUFFERS.take(bytes)
}

/// Keeps what nobody else holds for the next one who [`take`]s.
pub fn give(body: Bytes) {
    BUFFERS.give(body);
}

struct Buffers(Mutex<Vec<BytesMut>>);

impl Buffers {
    fn take(&self, bytes: usize) -> BytesMut {
        let mut kept = self.kept();
        let fitting = kept.iter().enumerate().filter(|(_, buffer)| buffer.capacity() >= bytes);
        let closest = fitting.min_by_key(|(_, buffer)| buffer.capacity()).map(|(at, _)| at);
        // One that is much too large would be missing for whoever needs it.
        match closest.filter(|at| kept[*at].capacity() / 4 <= bytes) {
            Some(at) if bytes >= LEAST => kept.swap_remove(at),
            _ => BytesMut::with_capacity(bytes),
        }
    }

    fn give(&self, body: Bytes) {
        let Ok(mut buffer) = body.try_into_mut() else { return };
        if !(LEAST..=LARGEST).contains(&buffer.capacity()) {
            return;
        }
        buffer.clear();
        let mut kept = self.kept();
        kept.push(buffer);
        if kept.len() > KEPT {
            // The oldest: sizes change in the course of a migration.
            kept.remove(0);
        }
    }

    fn kept(&self) -> MutexGuard<'_, Vec<BytesMut>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    fn filled(buffer: &mut BytesMut) -> Bytes {
        buffer.extend_from_slice(b"abc");
        std::mem::take(buffer).freeze()
    }

    #[test]
    fn a_buffer_that_nobody_holds_comes_back_empty() {
        let buffers = Buffers(Mutex::default());
        let body = filled(&mut buffers.take(MIB));
        let at = body.as_ptr();
        buffers.give(body);
        let again = buffers.take(MIB / 2);
        assert!(again.is_empty() && again.capacity() >= MIB);
        assert_eq!(again.as_ptr(), at);
    }

    #[test]
    fn what_is_shared_small_or_huge_is_not_kept() {
        let buffers = Buffers(Mutex::default());
        let shared = filled(&mut buffers.take(MIB));
        buffers.give(shared.clone());
        buffers.give(filled(&mut buffers.take(100)));
        buffers.give(filled(&mut buffers.take(2 * LARGEST)));
        assert_eq!(buffers.kept().len(), 0);
        assert_eq!(shared, "abc");
    }

    #[test]
    fn small_wishes_do_not_get_the_large_ones_and_no_more_are_kept_than_so_many() {
        let buffers = Buffers(Mutex::default());
        (0..2 * KEPT).for_each(|_| buffers.give(filled(&mut BytesMut::with_capacity(4 * MIB))));
        assert_eq!(buffers.kept().len(), KEPT);
        assert!(buffers.take(LEAST).capacity() < MIB);
        assert!(buffers.take(3 * MIB).capacity() >= 4 * MIB);
        assert_eq!(buffers.kept().len(), KEPT - 1);
    }
}
