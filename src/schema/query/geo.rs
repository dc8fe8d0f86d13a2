//! Queries on places.

use serde_json::{Value, json};

use super::compound::with;
use super::known;
use super::options::Options;
use super::rules::{GEO_FACTOR, GEO_OPTION, GEO_RANGE, GEO_VALIDATION, MALFORMED};
use super::terms::is_no;
use super::{Rewriter, below};

/// Options of 1.x in camel case; a field may be written so too, so they are named here.
const CAMEL: [(&str, &str); 4] = [
    ("distanceType", "distance_type"),
    ("optimizeBbox", "optimize_bbox"),
    ("includeLower", "include_lower"),
    ("includeUpper", "include_upper"),
];

/// Bounds of `geo_distance_range`.
const BOUNDS: [&str; 8] = ["from", "to", "gt", "gte", "lt", "lte", "include_lower", "include_upper"];

impl Rewriter<'_> {
    /// `geo_distance`, `geo_bounding_box`, `geo_polygon`, `geo_shape` and `geo_distance_range`
    pub(super) fn geo(&mut self, name: &str, mut options: Options, at: &str) -> Option<Value> {
        let before = json!({name: options});
        self.without_cache(&mut options, at);
        for (camel, snake) in CAMEL {
            self.rename(&mut options, camel, snake, &super::rules::CAMEL_CASE, at);
        }
        self.leave_out(&mut options, "optimize_bbox", &GEO_OPTION, at);
        self.distance_type(&mut options, at);
        self.validation(&mut options, at);
        let options = self.placed_options(name, options, at)?;
        if name != "geo_distance_range" {
            return Some(json!({name: options}));
        }
        let after = ring(options);
        self.change(&GEO_RANGE, at, Some(before), Some(after.clone()));
        Some(after)
    }

    /// The one key that is no option is the field.
    fn placed_options(&mut self, name: &str, options: Options, at: &str) -> Option<Options> {
        let mut known = known::query_named(name).map_or(Vec::new(), |query| query.options.to_vec());
        if name == "geo_distance_range" {
            known.extend(BOUNDS);
            known.extend(["unit", "distance_type", "validation_method", "ignore_unmapped"]);
        }
        known.extend(["boost", "_name"]);
        let fields: Vec<&String> = options.keys().filter(|key| !known.contains(&key.as_str())).collect();
        let &[field] = fields.as_slice() else {
            let names = crate::config::listed(fields.iter().map(|field| field.as_str()));
            let why = format!("one field is expected beside the options, here is {names}");
            self.refuse_because(&MALFORMED, at, why);
            return None;
        };
        let field = field.clone();
        let at_field = below(at, &field);
        let refused = self.refused.len();
        let new = self.plain_field(&field, &at_field);
        let placed = options.into_iter().map(|(key, value)| {
            if key != field {
                return (key, value);
            }
            (new.clone(), if name == "geo_shape" { self.shape(value, &at_field) } else { value })
        });
        let placed = placed.collect();
        (self.refused.len() == refused).then_some(placed)
    }

    fn shape(&mut self, value: Value, at: &str) -> Value {
        let Value::Object(mut shape) = value else { return value };
        if let Some(Value::Object(mut place)) = shape.get("indexed_shape").cloned() {
            let at = below(at, "indexed_shape");
            self.rename(&mut place, "shape_field_name", "path", &super::rules::OLD_NAME, &at);
            self.looked_up(&mut place, Some("shapes"), &at);
            shape.insert("indexed_shape".to_owned(), Value::Object(place));
        }
        self.only_known(&mut shape, &["shape", "indexed_shape", "relation", "strategy"], "geo_shape", at);
        Value::Object(shape)
    }

    /// `sloppy_arc` and `factor`, which are gone.
    pub(super) fn distance_type(&mut self, options: &mut Options, at: &str) {
        let (now, rule) = match options.get("distance_type").and_then(Value::as_str) {
            Some("sloppy_arc" | "sloppyArc") => ("arc", &GEO_OPTION),
            Some("factor") => ("plane", &GEO_FACTOR),
            _ => return,
        };
        self.set(options, "distance_type", json!(now), rule, at);
    }

    /// `normalize`, `coerce` and `ignore_malformed` as `validation_method`.
    pub(super) fn validation(&mut self, options: &mut Options, at: &str) {
        let old: Options = ["normalize", "coerce", "ignore_malformed"]
            .iter()
            .filter_map(|key| options.shift_remove_entry(*key))
            .collect();
        if old.is_empty() {
            return;
        }
        let yes = |key: &str| old.get(key).is_some_and(|value| !is_no(value));
        let method = match (yes("ignore_malformed"), yes("coerce") || yes("normalize")) {
            (true, _) => Some("IGNORE_MALFORMED"),
            (false, true) => Some("COERCE"),
            (false, false) => None,
        };
        let after = method.map(|method| json!({"validation_method": method}));
        if let Some(method) = method {
            options.insert("validation_method".to_owned(), json!(method));
        }
        self.change(&GEO_VALIDATION, at, Some(Value::Object(old)), after);
    }
}

/// Not nearer than one distance, not farther than another.
fn ring(mut options: Options) -> Value {
    let named: Options =
        ["boost", "_name"].iter().filter_map(|key| options.shift_remove_entry(*key)).collect();
    let mut taken = |keys: [&str; 3]| {
        keys.iter().filter_map(|key| options.shift_remove(*key)).find(|bound| !bound.is_null())
    };
    let (nearest, farthest) = (taken(["from", "gt", "gte"]), taken(["to", "lt", "lte"]));
    options.shift_remove("include_lower");
    options.shift_remove("include_upper");
    let circle = |distance: Value| {
        let mut circle = options.clone();
        circle.insert("distance".to_owned(), distance);
        json!({"geo_distance": circle})
    };
    let mut parts = Options::new();
    parts.extend(farthest.map(|distance| ("filter".to_owned(), json!([circle(distance)]))));
    if let Some(distance) = nearest {
        let field = options.keys().find(|key| {
            !["unit", "distance_type", "validation_method", "ignore_unmapped"].contains(&key.as_str())
        });
        if !parts.contains_key("filter") {
            // Documents without a place are in no ring.
            parts.insert("filter".to_owned(), json!([{"exists": {"field": field}}]));
        }
        parts.insert("must_not".to_owned(), json!([circle(distance)]));
    }
    with(Value::Object(parts), named, "bool")
}
