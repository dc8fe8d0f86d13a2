//! Searches of many kinds out of a seed.

use serde_json::{Value, json};

use super::{COUNT, WORDS};

/// Numbers that look like chance and are the same for a seed (xorshift).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        let at = self.below(u64::try_from(of.len()).unwrap_or(1));
        of[usize::try_from(at).unwrap_or(0)]
    }

    fn word(&mut self) -> &'static str {
        self.one(&WORDS)
    }
}

/// So many searches of an index.
pub fn searches(index: &str, count: usize, seed: u64) -> Vec<Value> {
    let mut dice = Dice(seed);
    (0..count).map(|number| one(index, number, &mut dice)).collect()
}

fn one(index: &str, number: usize, dice: &mut Dice) -> Value {
    let mut body = json!({});
    let query = query(dice, 2);
    body["query"] = query;
    let mut line = json!({"name": format!("generated {number}")});
    let mut path = format!("/{index}/_search");
    match dice.below(10) {
        0..4 => {
            body["sort"] = sort(dice);
            body["size"] = json!(1 + dice.below(20));
            if dice.below(3) == 0 {
                body["from"] = json!(dice.below(10));
            }
        }
        4..7 => {
            path.push_str("?search_type=count");
            body["aggs"] = json!({"a": aggregation(dice, 1), "b": aggregation(dice, 1)});
        }
        7 => {
            // All that is found, in any order: relevance is another one.
            body["size"] = json!(COUNT);
            line["expect"] = json!({"order": "ignore"});
            body["highlight"] = json!({"fields": {"title": {"type": "plain", "number_of_fragments": 0}}});
        }
        8 => {
            // By relevance, as it is: this may differ, and it is said so.
            body["query"] = json!({"match": {"title": format!("{} {}", dice.word(), dice.word())}});
            body["size"] = json!(5);
        }
        _ => {
            path = format!("/{index}/thing/_count");
        }
    }
    line["path"] = json!(path);
    line["body"] = body;
    line
}

fn query(dice: &mut Dice, depth: u32) -> Value {
    match dice.below(if depth == 0 { 6 } else { 9 }) {
        0 => json!({"match": {"title": dice.word()}}),
        1 => json!({"filtered": {"filter": filter(dice, depth)}}),
        2 => json!({"term": {"tag": dice.word()}}),
        3 => range(dice),
        4 => {
            json!({"match": {"title": {"query": format!("{} {}", dice.word(), dice.word()), "operator": "and"}}})
        }
        5 => {
            json!({"nested": {"path": "items", "query": {"bool": {"must": [{"term": {"items.sku": dice.word()}}, {"range": {"items.count": {"gte": dice.below(4)}}}]}}}})
        }
        6 => json!({"filtered": {"query": query(dice, depth - 1), "filter": filter(dice, depth - 1)}}),
        7 => json!({"bool": {"must": [query(dice, depth - 1)], "must_not": [query(dice, depth - 1)]}}),
        _ => json!({"bool": {"should": [query(dice, depth - 1), query(dice, depth - 1)]}}),
    }
}

fn filter(dice: &mut Dice, depth: u32) -> Value {
    match dice.below(if depth == 0 { 4 } else { 7 }) {
        0 => json!({"term": {"tag": dice.word(), "_cache": true}}),
        1 => range(dice),
        2 => json!({"missing": {"field": "tag"}}),
        3 => json!({"terms": {"tag": [dice.word(), dice.word()]}}),
        4 => json!({"and": [filter(dice, depth - 1), filter(dice, depth - 1)]}),
        5 => json!({"or": [filter(dice, depth - 1), filter(dice, depth - 1)]}),
        _ => json!({"not": filter(dice, depth - 1)}),
    }
}

fn range(dice: &mut Dice) -> Value {
    match dice.below(3) {
        0 => {
            let from = dice.below(COUNT);
            json!({"range": {"n": {"gte": from, "lt": from + 1 + dice.below(100)}}})
        }
        1 => json!({"range": {"price": {"gt": dice.below(40)}}}),
        _ => {
            json!({"range": {"created": {"gte": format!("2017-0{}-01", 1 + dice.below(5)), "lt": "2017-06-15"}}})
        }
    }
}

fn sort(dice: &mut Dice) -> Value {
    match dice.below(5) {
        0 => json!(["n"]),
        1 => json!([{"n": "desc"}]),
        // Many are equal in this: pages end in the middle of them.
        2 => json!([{"price": {"order": "asc"}}]),
        3 => json!([{"tag": {"order": "asc", "missing": "_last"}}, {"n": {"order": "desc"}}]),
        _ => json!([{"created": {"order": "desc", "ignore_unmapped": true}}]),
    }
}

fn aggregation(dice: &mut Dice, depth: u32) -> Value {
    let mut aggregation = match dice.below(7) {
        0 => json!({"terms": {"field": "tag", "size": 0}}),
        1 => json!({"terms": {"field": "n", "size": 0, "order": {"_term": "asc"}}}),
        2 => json!({"date_histogram": {"field": "created", "interval": dice.one(&["month", "day"])}}),
        3 => json!({"histogram": {"field": "n", "interval": 10 + dice.below(50)}}),
        4 => {
            json!({"range": {"field": "price", "ranges": [{"to": 10}, {"from": 10, "to": 30}, {"from": 30}]}})
        }
        5 => json!({"filter": filter(dice, 0)}),
        _ => {
            return json!({dice.one(&["stats", "avg", "sum", "min", "max", "extended_stats", "value_count", "cardinality"]): {"field": dice.one(&["n", "price"])}});
        }
    };
    if depth > 0 {
        aggregation["aggs"] = json!({"inner": self::aggregation(dice, depth - 1)});
    }
    aggregation
}
