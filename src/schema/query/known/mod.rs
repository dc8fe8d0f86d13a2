//! What 6.8 takes: queries, aggregations, their options, and the parts of a search, as data. What is not here and
//! has no rule is refused. Options are those of the server's parsers, tried on 6.8.23.

mod aggregations;
mod parts;
mod queries;

pub use aggregations::{AGGREGATIONS, Aggregation, aggregation_named};
pub use parts::{HIGHLIGHT, PARAMETERS, PARTS, SORT};
pub use queries::{QUERIES, Query, Shape, query_named};
