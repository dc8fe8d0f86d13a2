//! Documents a second, one core: the built-in steps and jq on documents of about 1 KB, shaped like the seed's.

use std::borrow::Cow;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use esferry::config::{self, TransformConfig};
use esferry::transform::{Document, Origin, Steps};

const ORIGIN: Origin<'static> = Origin { index: "alerts", doc_type: None, parent: None };

fn documents() -> Vec<String> {
    let document = |n: usize| {
        let tags: Vec<String> =
            (0..16).map(|tag| format!("\"tag-{}-{tag}\":\"value {}\"", n % 7, n * 31 + tag)).collect();
        format!(
            "{{\"id\":{n},\"created\":\"2017-03-0{}T10:11:12.345Z\",\"status\":\"open\",\"flag\":\"on\",\"score\":{}.50,\"title\":\"{}\",\"internal\":{{\"node\":\"n{n}\",\"tries\":[1,2,3]}},\"actions\":{{\"tags\":{{{}}}}},\"labels\":{{\"team\":{{\"name\":\"blue\",\"room\":12}}}}}}",
            n % 9 + 1,
            n % 100,
            "lorem ipsum dolor sit amet ".repeat(10),
            tags.join(",")
        )
    };
    (0..1000).map(document).collect()
}

fn steps(lines: &[&str]) -> Steps {
    let lists: String = lines.iter().map(|line| format!("[[migrations.m.transform]]\n{line}\n")).collect();
    let text = format!(
        "[clusters.a]\nurls = [\"http://a:9200\"]\n[clusters.b]\nurls = [\"http://b:9200\"]\n\
         [migrations.m]\nfrom = {{ cluster = \"a\", indices = [\"a\"] }}\nto = {{ cluster = \"b\" }}\n{lists}"
    );
    let config = config::parse(&text, "bench").expect("a configuration");
    let configs: &[TransformConfig] = &config.migrations["m"].transform;
    Steps::compile(configs).expect("steps that compile")
}

fn bench(criterion: &mut Criterion) {
    let documents = documents();
    let mean = documents.iter().map(String::len).sum::<usize>() / documents.len();
    println!("{} documents of {mean} bytes on average", documents.len());
    let cases: [(&str, &[&str]); 9] = [
        ("key_value", &["key_value = { field = \"actions.tags\" }"]),
        ("rename", &["rename = { from = \"labels.team\", to = \"team\" }"]),
        ("remove", &["remove = [\"internal\", \"labels.team.room\"]"]),
        ("set", &["set = { field = \"kind\", value = \"alert\" }"]),
        ("convert", &["convert = { field = \"flag\", to = \"boolean\" }"]),
        ("flatten", &["flatten = { field = \"labels\", separator = \"_\" }"]),
        ("drop_if", &["drop_if = { field = \"status\", equals = \"test\" }"]),
        (
            "five built-in steps",
            &[
                "key_value = { field = \"actions.tags\" }",
                "remove = [\"internal\"]",
                "convert = { field = \"flag\", to = \"boolean\" }",
                "set = { field = \"kind\", value = \"alert\" }",
                "drop_if = { field = \"status\", equals = \"test\" }",
            ],
        ),
        ("jq", &["jq = 'del(.internal) | .flag |= (. == \"on\")'"]),
    ];
    let mut group = criterion.benchmark_group("transform");
    group.throughput(Throughput::Elements(documents.len() as u64));
    for (name, lines) in cases {
        let steps = steps(lines);
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                for source in &documents {
                    let document = Document {
                        index: None,
                        id: Cow::Borrowed(b"\"1\""),
                        routing: None,
                        version: Some(1),
                        source: Cow::Borrowed(source.as_bytes()),
                    };
                    black_box(steps.apply(document, &ORIGIN).expect("a document"));
                }
            });
        });
    }
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
