//! `flatten`: objects in objects become one object, whose keys are joined.

use std::collections::HashSet;

use crate::config::{FlattenConfig, RenameConfig};

use super::json::{Fault, Kind, Part, Splice, content, elements, members, shown, start};
use super::path::visit;
use super::rename::Rename;

/// A step.
#[derive(Debug)]
pub(super) struct Flatten {
    field: String,
    separator: String,
    into: Option<Rename>,
}

impl Flatten {
    pub fn new(config: &FlattenConfig) -> Self {
        let rename =
            |into: &String| Rename::new(&RenameConfig { from: config.field.clone(), to: into.clone() });
        Flatten {
            field: config.field.clone(),
            separator: config.separator.clone(),
            into: config.into.as_ref().map(rename),
        }
    }

    pub fn edit(&self, bytes: &[u8]) -> Result<Option<Vec<u8>>, Fault> {
        let mut splice = Splice::new(bytes);
        visit(bytes, start(bytes), &self.field, &mut |hit| self.value(bytes, hit.value, &mut splice))?;
        let flat = splice.finish();
        match &self.into {
            None => Ok(flat),
            Some(rename) => Ok(rename.edit(flat.as_deref().unwrap_or(bytes))?.or(flat)),
        }
    }

    fn value(&self, bytes: &[u8], value: Part, splice: &mut Splice<'_>) -> Result<(), Fault> {
        match Kind::of(value.of(bytes)) {
            Kind::Null => Ok(()),
            Kind::Array => {
                elements(bytes, value.start).try_for_each(|element| self.value(bytes, element, splice))
            }
            Kind::Object => {
                if !members(bytes, value.start).any(|member| has_members(bytes, member.value)) {
                    return Ok(());
                }
                let mut leaves =
                    Leaves { step: self, bytes, out: splice.replace(value), seen: HashSet::new() };
                leaves.out.push(b'{');
                leaves.object(value, &mut Vec::new(), true)?;
                leaves.out.push(b'}');
                Ok(())
            }
            other => {
                Err(Fault::new(&self.field, format!("is {} where an object is expected", other.words())))
            }
        }
    }
}

/// An object with something in it; an empty one is kept as a value.
fn has_members(bytes: &[u8], value: Part) -> bool {
    Kind::of(value.of(bytes)) == Kind::Object && members(bytes, value.start).next().is_some()
}

struct Leaves<'a> {
    step: &'a Flatten,
    bytes: &'a [u8],
    out: &'a mut Vec<u8>,
    seen: HashSet<String>,
}

impl Leaves<'_> {
    fn object(&mut self, object: Part, key: &mut Vec<u8>, outermost: bool) -> Result<(), Fault> {
        for member in members(self.bytes, object.start) {
            let before = key.len();
            if !outermost {
                key.extend_from_slice(self.step.separator.as_bytes());
            }
            key.extend_from_slice(content(member.key.of(self.bytes)));
            if has_members(self.bytes, member.value) {
                self.object(member.value, key, false)?;
            } else {
                self.leaf(key, member.value)?;
            }
            key.truncate(before);
        }
        Ok(())
    }

    fn leaf(&mut self, key: &[u8], value: Part) -> Result<(), Fault> {
        let quoted = [b"\"", key, b"\""].concat();
        let name = shown(&quoted).into_owned();
        if !self.seen.insert(name.clone()) {
            let path = format!("{}.{name}", self.step.field);
            return Err(Fault::new(path, "would stand there twice in the flat object"));
        }
        if self.seen.len() > 1 {
            self.out.push(b',');
        }
        self.out.extend_from_slice(&quoted);
        self.out.push(b':');
        self.out.extend_from_slice(value.of(self.bytes));
        Ok(())
    }
}
