//! What to do about a class of failures, by the type that the server gave it.

use crate::changes::mapping;

const FIX_AND_RETRY: &str = "then `esferry failures retry`";

/// What an operator can do about documents that failed with this error type.
pub fn remedy(error_type: &str, reason: &str) -> String {
    if mapping::names_no_document(error_type) {
        return "nothing was applied for these messages: see them with `esferry failures show`, and when no document needs \
                them, `esferry failures accept`"
            .to_owned();
    }
    let what = match error_type {
        "mapper_parsing_exception" if reason.contains("of type [boolean]") => {
            "the source takes any word for a boolean, the target does not: convert = { field = \"…\", to = \"boolean\" } as a transform"
        }
        "mapper_parsing_exception" if reason.contains("is a metadata field") => {
            "the target reserves the name: rename or remove the field by a transform"
        }
        "mapper_parsing_exception" if reason.contains("Duplicate field") => {
            "its body has a key twice, which the target refuses: write the document anew at the source"
        }
        "mapper_parsing_exception" | "document_parsing_exception" => {
            "the document does not fit the target's mapping: widen the field's type, or set `ignore_malformed`"
        }
        "strict_dynamic_mapping_exception" => {
            "the target's mapping is strict and lacks the field: add it, or set `dynamic` to false"
        }
        "illegal_argument_exception" if reason.contains("immense term") => {
            "a keyword is longer than 32 766 bytes: set `ignore_above` on the field"
        }
        "illegal_argument_exception" if reason.contains("total fields") => {
            "the target has too many fields: raise `index.mapping.total_fields.limit`, or map the object as not enabled"
        }
        "illegal_argument_exception" => {
            "the target's mapping or settings refuse the document: the reason says which"
        }
        "routing_missing_exception" => {
            "the target's mapping requires routing and the document has none: lift it"
        }
        "too_large" => "the document is larger than the target takes: raise `http.max_content_length` there",
        "id_too_long" => "its id is longer than the target takes: give it a shorter one at the source",
        "no_version" => {
            "the source did not tell its version: see whether something between strips `_version`"
        }
        "raw_line_break" => {
            "its body has a line break inside a string, which is no valid JSON: write it anew at the source"
        }
        "transform" => {
            "a transform does not apply to it: the reason has the step and the place; mend the step or the document"
        }
        "undeclared_index" => {
            "a transform sends it to an index that is not in `to.others`: name it there, or change the transform"
        }
        "other_document" => "somebody else's document has its id: take that away, or choose another target",
        "unplanned_type" => {
            "its type appeared after the plan was made: `esferry reset` the migration to plan it, or migrate it by another one"
        }
        "types" => "it does not fit the type that it is to become: mend it at the source",
        "dropped_by_pipeline" => "the ingest pipeline dropped it: change the pipeline, or accept that",
        "action_request_validation_exception" => {
            "the target refuses its id or metadata: change it at the source"
        }
        "invalid_json" | "json_parse_exception" | "parse_exception" | "json_e_o_f_exception" => {
            "the source holds a body that is no valid JSON: write the document anew at the source"
        }
        "version_conflict_engine_exception" => {
            "another writer was faster: compare both sides, and keep the newer one"
        }
        _ => "see the reason with `esferry failures show`; change the target or the document",
    };
    format!("{what}, {FIX_AND_RETRY}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_decides_where_the_type_is_broad() {
        let immense = remedy(
            "illegal_argument_exception",
            "Document contains at least one immense term in field=\"x\"",
        );
        assert!(immense.contains("ignore_above"));
        assert!(
            remedy("illegal_argument_exception", "Limit of total fields [1000]")
                .contains("total_fields.limit")
        );
        assert!(remedy("of_tomorrow_exception", "").ends_with("then `esferry failures retry`"));
    }
}
