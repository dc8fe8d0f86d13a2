//! The configured steps, compiled once a migration and shared by its workers.

use std::borrow::Cow;
use std::collections::HashSet;

use crate::config::TransformConfig;
use crate::error::Error;

use super::convert::Convert;
use super::document::{Document, Origin, StepError, Transformed};
use super::drop_if::DropIf;
use super::flatten::Flatten;
use super::jq::Jq;
use super::json::{Fault, check};
use super::key_value::KeyValue;
use super::remove::remove;
use super::rename::Rename;
use super::set::Set;

/// The steps of a migration, in their order.
#[derive(Debug, Default)]
pub struct Steps {
    configs: Vec<TransformConfig>,
    steps: Vec<Step>,
}

#[derive(Debug)]
enum Step {
    KeyValue(KeyValue),
    Rename(Rename),
    Remove(Vec<String>),
    Set(Set),
    Convert(Convert),
    Flatten(Flatten),
    DropIf(DropIf),
    Jq(Box<Jq>),
}

impl Steps {
    /// Compiles the steps of a checked configuration.
    ///
    /// # Errors
    /// `jq` (configuration) when a program does not compile, with line, column and what stands there.
    pub fn compile(configs: &[TransformConfig]) -> Result<Self, Error> {
        let compile = |(at, config): (usize, &TransformConfig)| {
            Ok(match config {
                TransformConfig::KeyValue(config) => Step::KeyValue(KeyValue::new(config)),
                TransformConfig::Rename(config) => Step::Rename(Rename::new(config)),
                TransformConfig::Remove(fields) => Step::Remove(fields.clone()),
                TransformConfig::Set(config) => Step::Set(Set::new(config)),
                TransformConfig::Convert(config) => Step::Convert(Convert::new(config)),
                TransformConfig::Flatten(config) => Step::Flatten(Flatten::new(config)),
                TransformConfig::DropIf(config) => Step::DropIf(DropIf::new(config)),
                TransformConfig::Jq(program) => Step::Jq(Box::new(Jq::compile(program, at)?)),
            })
        };
        let steps = configs.iter().enumerate().map(compile).collect::<Result<_, Error>>()?;
        Ok(Steps { configs: configs.to_vec(), steps })
    }

    /// True when every document goes as it came.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Whether one of them may leave a document out.
    pub(super) fn may_drop(&self) -> bool {
        self.steps.iter().any(|step| matches!(step, Step::DropIf(_) | Step::Jq(_)))
    }

    /// The steps as they are configured.
    pub(super) fn configs(&self) -> &[TransformConfig] {
        &self.configs
    }

    /// A step in words, such as `transform 2: drop_if status = "test"`; `step` counts from 0.
    #[must_use]
    pub fn describe(&self, step: usize) -> String {
        let words = self.configs.get(step).map_or_else(String::new, in_words);
        format!("transform {}: {words}", step + 1)
    }

    /// What becomes of a document.
    ///
    /// # Errors
    /// [`StepError`] with the step and the place in the document: no JSON object, a value that a step cannot be
    /// applied to, an error of a jq program. The document is a failure then, and nothing of it is sent.
    pub fn apply<'page>(
        &self,
        document: Document<'page>,
        origin: &Origin<'_>,
    ) -> Result<Transformed<'page>, StepError> {
        if self.is_empty() {
            return Ok(Transformed::One(document));
        }
        check(&document.source).map_err(|fault| step_error(0, fault))?;
        self.apply_from(0, document, origin)
    }

    fn apply_from<'page>(
        &self,
        first: usize,
        mut document: Document<'page>,
        origin: &Origin<'_>,
    ) -> Result<Transformed<'page>, StepError> {
        for (at, step) in self.steps.iter().enumerate().skip(first) {
            let source: &[u8] = &document.source;
            let edited = match step {
                Step::KeyValue(step) => step.edit(source),
                Step::Rename(step) => step.edit(source),
                Step::Remove(fields) => {
                    let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
                    Ok(remove(source, &fields, &|_| true))
                }
                Step::Set(step) => step.edit(source),
                Step::Convert(step) => step.edit(source),
                Step::Flatten(step) => step.edit(source),
                Step::DropIf(step) => match step.holds(source) {
                    Ok(true) => return Ok(Transformed::Dropped { step: at }),
                    Ok(false) => Ok(None),
                    Err(fault) => Err(fault),
                },
                Step::Jq(step) => {
                    let mut documents = step.run(&document, origin).map_err(|fault| step_error(at, fault))?;
                    match documents.len() {
                        0 => return Ok(Transformed::Dropped { step: at }),
                        1 => {
                            document = documents.remove(0);
                            continue;
                        }
                        _ => return self.each(at, documents, origin),
                    }
                }
            };
            if let Some(edited) = edited.map_err(|fault| step_error(at, fault))? {
                document.source = Cow::Owned(edited);
            }
        }
        Ok(Transformed::One(document))
    }

    /// The steps behind `at`, on each of the documents that it made.
    fn each<'page>(
        &self,
        at: usize,
        documents: Vec<Document<'page>>,
        origin: &Origin<'_>,
    ) -> Result<Transformed<'page>, StepError> {
        let mut all = Vec::with_capacity(documents.len());
        let mut dropped = at;
        for document in documents {
            match self.apply_from(at + 1, document, origin)? {
                Transformed::One(document) => all.push(document),
                Transformed::Several(documents) => all.extend(documents),
                Transformed::Dropped { step } => dropped = step,
            }
        }
        let mut seen = HashSet::with_capacity(all.len());
        for document in &all {
            if !seen.insert((document.index.as_deref(), &document.id)) {
                let id = String::from_utf8_lossy(&document.id);
                let reason = format!("makes several documents with the _id {id}; each needs one of its own");
                return Err(step_error(at, Fault::new("_id", reason)));
            }
        }
        Ok(match all.len() {
            0 => Transformed::Dropped { step: dropped },
            1 => Transformed::One(all.remove(0)),
            _ => Transformed::Several(all),
        })
    }
}

fn step_error(step: usize, fault: Fault) -> StepError {
    StepError { step, path: fault.path, reason: fault.reason }
}

fn in_words(config: &TransformConfig) -> String {
    let words = match config {
        TransformConfig::KeyValue(step) => step.field.clone(),
        TransformConfig::Rename(step) => format!("{} to {}", step.from, step.to),
        TransformConfig::Remove(fields) => fields.join(", "),
        TransformConfig::Set(step) => {
            let condition = if step.if_absent { " if absent" } else { "" };
            format!("{} = {}{condition}", step.field, step.value)
        }
        TransformConfig::Convert(step) => format!("{} to {}", step.field, step.to.as_str()),
        TransformConfig::Flatten(step) => step.field.clone(),
        TransformConfig::DropIf(step) => match (&step.equals, &step.any_of, step.exists) {
            (Some(value), ..) => format!("{} = {value}", step.field),
            (_, Some(values), _) => {
                let values: Vec<String> = values.iter().map(ToString::to_string).collect();
                format!("{} in {}", step.field, values.join(", "))
            }
            (_, _, Some(false)) => format!("{} is absent", step.field),
            _ => format!("{} exists", step.field),
        },
        TransformConfig::Jq(program) => {
            let line = program.split_whitespace().collect::<Vec<_>>().join(" ");
            let short: String = line.chars().take(60).collect();
            if short.len() < line.len() { format!("{short}…") } else { short }
        }
    };
    format!("{} {words}", config.name())
}
