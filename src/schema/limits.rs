//! How many fields a mapping has, as the target counts them, and the limits that let it in.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::report::{Change, Report, Severity};

/// From this many children on an object is taken for one whose fields grow with the documents.
const GROWS_FROM: usize = 50;

/// A limit: its key, its default, and what it counts.
type Limit = (&'static str, usize, fn(&FieldCount) -> usize);

/// The limits of 5.0 and later.
const LIMITS: [Limit; 3] = [
    ("mapping.total_fields.limit", 1000, |count| count.total),
    ("mapping.nested_fields.limit", 50, |count| count.nested),
    ("mapping.depth.limit", 20, |count| count.depth),
];

/// The fields of a mapping, counted as 6.8 counts them (`MapperService`, measured): objects and sub-fields are fields.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct FieldCount {
    /// Fields, objects and sub-fields.
    pub total: usize,
    /// Fields of type `nested`.
    pub nested: usize,
    /// Levels of objects; 1 for a mapping without objects.
    pub depth: usize,
    /// Objects with so many fields that they seem to come with the documents, as `tags.*`; the largest first.
    pub growth: Vec<(String, usize)>,
}

/// Counts the fields of a root mapping.
#[must_use]
pub fn count_fields(mapping: &Value) -> FieldCount {
    let mut count = FieldCount { depth: 1, ..FieldCount::default() };
    if let Some(root) = mapping.as_object() {
        walk("", 1, root, &mut count);
    }
    count.growth.sort_by_key(|(_, children)| std::cmp::Reverse(*children));
    count
}

fn walk(path: &str, depth: usize, node: &Map<String, Value>, count: &mut FieldCount) {
    let fields = node.get("properties").and_then(Value::as_object);
    if let Some(fields) = fields.filter(|fields| fields.len() > GROWS_FROM) {
        let place = if path.is_empty() { "*".to_owned() } else { format!("{path}.*") };
        count.growth.push((place, fields.len()));
    }
    for (name, field) in fields.into_iter().flatten() {
        let Some(field) = field.as_object() else { continue };
        let here = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        // A dot in a name is a level, and the object it stands for is a field too.
        let levels = name.matches('.').count();
        count.total += 1 + levels;
        count.nested += usize::from(field.get("type").is_some_and(|kind| kind == "nested"));
        let object = field.contains_key("properties")
            || field.get("type").is_none_or(|kind| kind == "object" || kind == "nested");
        let below = depth + levels + usize::from(object);
        count.depth = count.depth.max(below);
        walk(&here, below, field, count);
        count.total += field.get("fields").and_then(Value::as_object).map_or(0, Map::len);
    }
}

/// Raises the limits in a create-index body where its mapping, with room to grow by a quarter, is beyond the default
/// or beyond what the body says. A limit that is enough is left alone.
pub fn set_limits(body: &mut Value, report: &mut Report) {
    let mappings = body.get("mappings").unwrap_or(&Value::Null);
    let root = match mappings.as_object().map(|map| map.values().collect::<Vec<_>>()) {
        Some(types) if types.len() == 1 && !mappings.get("properties").is_some_and(Value::is_object) => {
            types[0]
        }
        _ => mappings,
    };
    let count = count_fields(root);
    for (key, default, counted) in LIMITS {
        let fields = counted(&count);
        let before = limit(body, key);
        if fields + fields / 4 <= before.unwrap_or(default) {
            continue;
        }
        let after = (fields + fields / 4 + 1).next_multiple_of(if default >= 1000 { 100 } else { 10 });
        put(body, key, json!(after));
        report.add(Change {
            rule: "field_limits",
            path: format!("settings.index.{key}"),
            before: before.map(|limit| json!(limit)),
            after: Some(json!(after)),
            reason: reason(key, fields, before.unwrap_or(default), &count),
            severity: Severity::SameMeaning,
            choices: Vec::new(),
        });
    }
}

fn reason(key: &str, fields: usize, limit: usize, count: &FieldCount) -> String {
    let what = match key {
        "mapping.nested_fields.limit" => "nested fields",
        "mapping.depth.limit" => "levels of objects",
        _ => "fields",
    };
    let mut reason = format!("the mapping has {fields} {what}, and the target would allow {limit}");
    if let Some((place, children)) = count.growth.first().filter(|_| what == "fields") {
        reason.push_str(&format!("; most grow at `{place}` ({children})"));
    }
    reason
}

fn limit(body: &Value, key: &str) -> Option<usize> {
    let settings = body.get("settings")?;
    let index = settings.get("index").unwrap_or(settings);
    let value = index
        .get(key)
        .or_else(|| settings.get(format!("index.{key}")))
        .or_else(|| index.pointer(&format!("/{}", key.replace('.', "/"))))?;
    value.as_u64().and_then(|limit| usize::try_from(limit).ok()).or_else(|| value.as_str()?.parse().ok())
}

/// Writes a setting where the body has it already, and flat below `index` where it does not.
fn put(body: &mut Value, key: &str, value: Value) {
    let Some(body) = body.as_object_mut() else { return };
    let settings = body.entry("settings").or_insert_with(|| json!({}));
    let flat = format!("index.{key}");
    if let Some(place) = settings.get_mut(&flat) {
        *place = value;
        return;
    }
    let index = match settings.as_object_mut() {
        Some(settings) => settings.entry("index").or_insert_with(|| json!({})),
        None => return,
    };
    if let Some(place) = index.pointer_mut(&format!("/{}", key.replace('.', "/"))) {
        *place = value;
    } else if let Some(index) = index.as_object_mut() {
        index.insert(key.to_owned(), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wide(fields: usize) -> Value {
        let fields: Map<String, Value> =
            (0..fields).map(|n| (format!("f{n}"), json!({"type": "long"}))).collect();
        json!({"properties": {"tags": {"properties": fields}, "a": {"type": "text", "fields": {"raw": {"type": "keyword"}}},
            "n": {"type": "nested", "properties": {"x": {"type": "long"}}}}})
    }

    #[test]
    fn objects_and_sub_fields_count() {
        let count = count_fields(&wide(60));
        assert_eq!((count.total, count.nested, count.depth), (60 + 1 + 2 + 2, 1, 2));
        assert_eq!(count.growth, [("tags.*".to_owned(), 60)]);
        assert_eq!(count_fields(&json!({"properties": {"a.b.c": {"type": "long"}}})).total, 3);
    }

    #[test]
    fn limits_are_raised_only_where_they_have_to_be() {
        let mut report = Report::default();
        let mut body = json!({"settings": {"index": {}}, "mappings": {"_doc": wide(700)}});
        set_limits(&mut body, &mut report);
        assert!(report.changes.is_empty());
        let mut body = json!({"settings": {"index": {}}, "mappings": {"_doc": wide(1200)}});
        set_limits(&mut body, &mut report);
        assert_eq!(body["settings"]["index"]["mapping.total_fields.limit"], 1600);
        insta::assert_snapshot!(report.changes[0].reason, @r##"the mapping has 1205 fields, and the target would allow 1000; most grow at `tags.*` (1200)"##);
        let mut body = json!({"settings": {"index": {"mapping": {"total_fields": {"limit": "5000"}}}}, "mappings": wide(1200)});
        set_limits(&mut body, &mut Report::default());
        assert_eq!(limit(&body, "mapping.total_fields.limit"), Some(5000));
    }
}
