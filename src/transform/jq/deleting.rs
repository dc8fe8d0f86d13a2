//! `del` and `delpaths`, which in jaq fill the gap of a deleted key with the last one: here the order is kept.

use jaq_core::Native;
use jaq_core::load::parse::Def;
use jaq_core::native::{Filter, run, unary, v};
use jaq_json::{Error, Num, Rc, Val, ValR};

use super::Data;

/// Names that stand for this module's filters.
pub(super) const NAMES: [&str; 2] = ["del", "delpaths"];

pub(super) fn defs() -> impl Iterator<Item = Def> {
    jaq_core::load::parse("def del(f): delpaths([path(f)]);", |parser| parser.defs()).into_iter().flatten()
}

pub(super) fn funs() -> impl Iterator<Item = Filter<Native<Data>>> {
    [run::<Data>(("delpaths", v(1), |cv| unary(cv, |value, paths| delete(value, &paths))))].into_iter()
}

fn delete(mut value: Val, paths: &Val) -> ValR {
    let Val::Arr(paths) = paths else {
        return Err(Error::str("delpaths needs an array of paths"));
    };
    let mut found = Vec::with_capacity(paths.len());
    for path in paths.iter() {
        let Val::Arr(path) = path else {
            return Err(Error::str("delpaths needs an array of paths"));
        };
        if let Some(path) = resolved(&value, path)? {
            found.push(path);
        }
    }
    // From the back, so that a deleted element does not move those that still have to go.
    found.sort();
    found.dedup();
    for path in found.iter().rev() {
        remove(&mut value, path);
    }
    Ok(value)
}

/// The path with its indices counted from the front; `None` when it leads to nothing.
fn resolved(value: &Val, path: &[Val]) -> Result<Option<Vec<Val>>, Error> {
    let Some((first, rest)) = path.split_first() else { return Ok(Some(Vec::new())) };
    let (key, inner) = match (value, first) {
        (Val::Null, _) => return Ok(None),
        (Val::Obj(object), Val::TStr(_)) => (first.clone(), object.get(first)),
        (Val::Arr(values), Val::Num(number)) => {
            let at = number.as_isize().and_then(|at| {
                usize::try_from(at).ok().or_else(|| values.len().checked_sub(at.unsigned_abs()))
            });
            let Some(at) = at else { return Ok(None) };
            (Val::Num(Num::from_integral(at)), values.get(at))
        }
        _ => return Err(Error::str(format_args!("cannot delete {first} of {value}"))),
    };
    let Some(inner) = inner else { return Ok(None) };
    Ok(resolved(inner, rest)?.map(|rest| std::iter::once(key).chain(rest).collect()))
}

fn remove(value: &mut Val, path: &[Val]) {
    let Some((first, rest)) = path.split_first() else {
        *value = Val::Null;
        return;
    };
    match (value, first) {
        (Val::Obj(object), key) => {
            let object = Rc::make_mut(object);
            if rest.is_empty() {
                object.shift_remove(key);
            } else if let Some(inner) = object.get_mut(key) {
                remove(inner, rest);
            }
        }
        (Val::Arr(values), Val::Num(number)) => {
            let values = Rc::make_mut(values);
            let at = number.as_isize().and_then(|at| usize::try_from(at).ok()).unwrap_or(usize::MAX);
            if rest.is_empty() && at < values.len() {
                values.remove(at);
            } else if let Some(inner) = values.get_mut(at) {
                remove(inner, rest);
            }
        }
        _ => {}
    }
}
