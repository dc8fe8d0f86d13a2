//! `rename`: a field gets another name, or another place.

use crate::config::RenameConfig;

use super::json::{Fault, Splice, quoted, start, text};
use super::path::{Hit, visit};
use super::remove::remove;
use super::set::put;

/// A step.
#[derive(Debug)]
pub(super) struct Rename {
    from: String,
    to: String,
}

impl Rename {
    pub fn new(config: &RenameConfig) -> Self {
        Rename { from: config.from.clone(), to: config.to.clone() }
    }

    pub fn edit(&self, bytes: &[u8]) -> Result<Option<Vec<u8>>, Fault> {
        let mut hits = Vec::new();
        visit(bytes, start(bytes), &self.from, &mut |hit| {
            hits.push(hit);
            Ok(())
        })?;
        if hits.is_empty() {
            return Ok(None);
        }
        let mut taken = false;
        visit(bytes, start(bytes), &self.to, &mut |_| {
            taken = true;
            Ok(())
        })?;
        if taken {
            return Err(Fault::new(
                &self.from,
                format!("cannot become `{}`, which is there already", self.to),
            ));
        }
        if parent(&self.from) == parent(&self.to) {
            self.in_place(bytes, &hits)
        } else {
            self.moved(bytes, &hits)
        }
    }

    /// The new name is written where the old one stands.
    fn in_place(&self, bytes: &[u8], hits: &[Hit]) -> Result<Option<Vec<u8>>, Fault> {
        let mut splice = Splice::new(bytes);
        for hit in hits {
            // The key may be a name with dots, which holds a part of the way.
            let key = text(hit.key.of(bytes)).unwrap_or_default();
            let way = self.from.len() - key.len();
            splice.replace(hit.key).extend_from_slice(quoted(&self.to[way..]).as_bytes());
        }
        Ok(splice.finish())
    }

    fn moved(&self, bytes: &[u8], hits: &[Hit]) -> Result<Option<Vec<u8>>, Fault> {
        let [hit] = hits else {
            return Err(Fault::new(
                &self.from,
                format!(
                    "occurs {} times in the document and cannot be moved to the one place `{}`",
                    hits.len(),
                    self.to
                ),
            ));
        };
        let value = hit.value.of(bytes);
        let Some(without) = remove(bytes, &[self.from.as_str()], &|_| true) else { return Ok(None) };
        put(&without, &self.to, value, false)
    }
}

/// The path of the object that a field is in.
pub(super) fn parent(path: &str) -> &str {
    path.rsplit_once('.').map_or("", |(parent, _)| parent)
}
