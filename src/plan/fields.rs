//! Slices by ranges of a field: dates and numbers by halving, keywords like ids, and one slice for the rest.

use serde_json::{Value, json};

use super::terms::{Counted, Terms};
use super::{numbers, terms};
use crate::cluster::Cluster;
use crate::cluster::dialect::reading::Wanted;
use crate::cluster::failure::CallError;
use crate::cluster::indices::IndexInfo;
use crate::cluster::selection::{FieldPart, FieldValue, HalfOpen, Selection, SliceRange};
use crate::cluster::transport::{Body, Request};
use crate::error::{Error, Result};

/// What kind of values a field has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FieldKind {
    Date,
    Whole,
    Floating,
    Text,
}

/// The kind of the field that an index is to be sliced by.
///
/// # Errors
/// `Config` when a type does not map it, or maps it as something that has no order.
pub(super) fn kind_of(index: &IndexInfo, field: &str) -> Result<FieldKind> {
    let pointer = format!("/properties/{}", field.replace('.', "/properties/"));
    let mut kind = None;
    for (doc_type, mapping) in &index.types {
        let Some(mapped) = mapping.pointer(&pointer) else { continue };
        let found = match mapped.get("type").and_then(Value::as_str).unwrap_or("object") {
            "date" => FieldKind::Date,
            "long" | "integer" | "short" | "byte" => FieldKind::Whole,
            "double" | "float" | "half_float" | "scaled_float" => FieldKind::Floating,
            "keyword" => FieldKind::Text,
            "string" if mapped.get("index").and_then(Value::as_str) == Some("not_analyzed") => {
                FieldKind::Text
            }
            other => {
                return Err(Error::config(
                    "slice_field",
                    format!(
                        "index `{}`: `{doc_type}.{field}` is of type {other}, which has no ranges",
                        index.name
                    ),
                )
                .hint("choose a date, number or keyword (not analysed string) that never changes"));
            }
        };
        kind = Some(found);
    }
    kind.ok_or_else(|| {
        Error::config("slice_field", format!("index `{}` has no field `{field}`", index.name))
            .hint("give the full path of a mapped field, such as `created` or `user.id`")
    })
}

/// Ranges of the field with their counts, then the rest.
pub(super) async fn cut(
    cluster: &Cluster,
    shard: &Selection,
    name: &str,
    kind: FieldKind,
    target: u64,
) -> Result<Vec<(SliceRange, u64)>, CallError> {
    let ranges: Vec<Counted<FieldValue>> = match kind {
        FieldKind::Text => {
            let values = Keywords { cluster, shard, name };
            let cut = terms::cut(&values, target).await?;
            cut.into_iter().map(|(range, count)| (mapped(range, FieldValue::Text), count)).collect()
        }
        FieldKind::Date | FieldKind::Whole => {
            let value = match kind {
                FieldKind::Date => |millis| FieldValue::Millis { millis },
                _ => FieldValue::Integer,
            };
            let (low, high) = bounds(cluster, shard, name).await?;
            // Bounds are doubles: rounded, and only hints. `as` saturates, which is what a hint wants.
            #[allow(clippy::cast_possible_truncation)]
            let (low, high) = (low as i64, high as i64);
            let count = |range: HalfOpen<i64>| count(cluster, shard, name, mapped(range, value));
            let cut = numbers::cut(low, high, target, count).await?;
            cut.into_iter().map(|(range, count)| (mapped(range, value), count)).collect()
        }
        FieldKind::Floating => {
            let (low, high) = bounds(cluster, shard, name).await?;
            let count = |range: HalfOpen<f64>| count(cluster, shard, name, mapped(range, FieldValue::Float));
            let cut = numbers::cut(low, high, target, count).await?;
            cut.into_iter().map(|(range, count)| (mapped(range, FieldValue::Float), count)).collect()
        }
    };
    let field = |part: FieldPart| SliceRange::Field { name: name.to_owned(), part };
    let rest = field(FieldPart::Rest(union(&ranges, kind)));
    let outside = cluster.count(&shard.with_range(rest.clone())).await?;
    let mut slices: Vec<(SliceRange, u64)> =
        ranges.into_iter().map(|(range, count)| (field(FieldPart::Range(range)), count)).collect();
    slices.push((rest, outside));
    Ok(slices)
}

/// The union of contiguous ranges in two: everything below some value, and everything from it on.
fn union(ranges: &[Counted<FieldValue>], kind: FieldKind) -> Vec<HalfOpen<FieldValue>> {
    let first = ranges.first().and_then(|(range, _)| range.to.clone());
    let cut = first.unwrap_or(match kind {
        FieldKind::Date => FieldValue::Millis { millis: 0 },
        FieldKind::Whole => FieldValue::Integer(0),
        FieldKind::Floating => FieldValue::Float(0.0),
        FieldKind::Text => FieldValue::Text("m".to_owned()),
    });
    vec![HalfOpen { from: None, to: Some(cut.clone()) }, HalfOpen { from: Some(cut), to: None }]
}

fn mapped<T, U>(range: HalfOpen<T>, map: impl Fn(T) -> U) -> HalfOpen<U> {
    HalfOpen { from: range.from.map(&map), to: range.to.map(&map) }
}

async fn count(
    cluster: &Cluster,
    shard: &Selection,
    name: &str,
    range: HalfOpen<FieldValue>,
) -> Result<u64, CallError> {
    let range = SliceRange::Field { name: name.to_owned(), part: FieldPart::Range(range) };
    cluster.count(&shard.with_range(range)).await
}

async fn bounds(cluster: &Cluster, shard: &Selection, name: &str) -> Result<(f64, f64), CallError> {
    let answer = cluster.ask(&cluster.dialect().field_bounds(shard, name)).await?;
    let value = |which: &str| answer.pointer(&format!("/aggregations/{which}/value")).and_then(Value::as_f64);
    // No document has a value: any hint will do.
    Ok((value("low").unwrap_or(0.0), value("high").unwrap_or(0.0)))
}

struct Keywords<'a> {
    cluster: &'a Cluster,
    shard: &'a Selection,
    name: &'a str,
}

impl Terms for Keywords<'_> {
    async fn count(&self, range: &HalfOpen<String>) -> Result<u64, CallError> {
        count(self.cluster, self.shard, self.name, mapped(range.clone(), FieldValue::Text)).await
    }

    async fn sample(&self, range: &HalfOpen<String>) -> Result<Vec<String>, CallError> {
        let part = FieldPart::Range(mapped(range.clone(), FieldValue::Text));
        let selection = self.shard.with_range(SliceRange::Field { name: self.name.to_owned(), part });
        let mut request: Request = self.cluster.dialect().search(&selection, 300, Wanted::Ids);
        if let Some(Body::Json(bytes)) = &request.body
            && let Ok(Value::Object(mut body)) = serde_json::from_slice(bytes)
        {
            body.remove("fields");
            body.insert("_source".to_owned(), json!([self.name]));
            request.body = Some(Body::Json(Value::Object(body).to_string().into()));
        }
        let answer = self.cluster.ask(&request).await?;
        let pointer = format!("/_source/{}", self.name.replace('.', "/"));
        let hits = answer.pointer("/hits/hits").and_then(Value::as_array).into_iter().flatten();
        Ok(hits.filter_map(|hit| hit.pointer(&pointer)?.as_str().map(ToOwned::to_owned)).collect())
    }
}
