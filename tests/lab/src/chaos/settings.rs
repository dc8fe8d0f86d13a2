//! The configuration of a round: everything small, so that many requests are made, and the rest at random.

use super::dice::Dice;
use super::freight::Freight;

/// The migration of every round.
pub(super) const NAME: &str = "move";
/// The create-index body, beside the configuration.
pub(super) const BODY: &str = "target.json";
/// How long a request may take once the weather is over.
const CALM_TIMEOUT: u64 = 60;

/// Where the target's mapping comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Schema {
    Convert,
    File,
    Existing,
}

/// What the configuration of a round says.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) schema: Schema,
    /// Slices by this field, else by what esferry chooses.
    field: Option<&'static str>,
    docs: u64,
    parallel: u64,
    page_docs: u64,
    batch_docs: u64,
    batch_kib: u64,
    bulks: &'static str,
    mode: &'static str,
    gzip: bool,
    pub(super) timeout: u64,
}

impl Settings {
    pub(super) fn draw(dice: &mut Dice, freight: Freight) -> Settings {
        let schema = match freight {
            // A converted mapping would have no field to refuse a document for.
            Freight::Refused => dice.one_of(&[Schema::File, Schema::Existing]),
            _ => dice.one_of(&[Schema::Convert, Schema::File, Schema::Existing]),
        };
        let by_field = dice.chance(25) && !freight.fields().is_empty();
        let field = by_field.then(|| dice.one_of(freight.fields()));
        Settings {
            schema,
            field,
            docs: dice.between(100, 400),
            parallel: dice.between(1, 4),
            page_docs: dice.between(20, 120),
            batch_docs: dice.between(15, 100),
            batch_kib: dice.between(16, 128),
            bulks: dice.one_of(&["1", "2", "4", "\"auto\"", "\"auto\"", "{ min = 1, max = 6 }"]),
            mode: dice.one_of(&["external", "external", "external", "external", "create", "index"]),
            gzip: dice.chance(20),
            timeout: dice.between(2, 3),
        }
    }

    /// True when versions of the source become those of the target.
    pub(super) fn keeps_versions(&self) -> bool {
        self.mode == "external"
    }

    /// The configuration file; when it is calm, a slow answer is no fault.
    pub(super) fn text(&self, [source, target]: [&str; 2], [from, to]: [&str; 2], calm: bool) -> String {
        let Settings { docs, parallel, page_docs, batch_docs, batch_kib, bulks, mode, gzip, .. } = self;
        let timeout = if calm { CALM_TIMEOUT } else { self.timeout };
        let schema = match self.schema {
            Schema::Convert => "convert".to_owned(),
            Schema::File => format!("file:{BODY}"),
            Schema::Existing => "existing".to_owned(),
        };
        let strategy = self
            .field
            .map(|field| format!("strategy = \"field\", field = \"{field}\", "))
            .unwrap_or_default();
        format!(
            "[clusters.old]\nurls = [\"{source}\"]\ntimeout = \"{timeout}s\"\n\
             [clusters.new]\nurls = [\"{target}\"]\ntimeout = \"{timeout}s\"\ngzip = {gzip}\n\
             [migrations.{NAME}]\nfrom = {{ cluster = \"old\", indices = [\"{from}\"] }}\n\
             to = {{ cluster = \"new\", index = \"{to}\" }}\nschema = \"{schema}\"\nmax_failure_ratio = 1.0\n\
             slice = {{ {strategy}docs = {docs}, parallel = {parallel}, page_docs = {page_docs} }}\n\
             write = {{ mode = \"{mode}\", batch_docs = {batch_docs}, batch_bytes = \"{batch_kib}KiB\", bulks = {bulks} }}\n"
        )
    }
}
