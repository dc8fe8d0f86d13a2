//! From the text of a program to its filter, or to an error that shows the place.

use jaq_core::load::{self, Arena, File, Loader};
use jaq_core::{Compiler, Ctx, Filter, Vars, compile};
use jaq_json::Val;

use crate::error::Error;
use crate::transform::json::Fault;

use super::{Data, deleting};

/// Left out, since the same document must become the same whenever and wherever it is read, or since they end the
/// process.
const WITHHELD: [&str; 9] =
    ["now", "env", "input", "inputs", "halt", "halt_error", "debug", "stderr", "localtime"];

/// Values that a program may give, at most.
const MOST_OUTPUTS: usize = 10_000;

/// A compiled program of jq.
pub(crate) struct Program {
    filter: Filter<Data>,
}

impl std::fmt::Debug for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Program").finish_non_exhaustive()
    }
}

impl Program {
    /// Compiles a program that may ask for these variables, named with their `$`. An error begins with `what`.
    ///
    /// # Errors
    /// `Config`, with the place in the program.
    pub(crate) fn compile(program: &str, what: &Place<'_>) -> Result<Self, Error> {
        Ok(Program { filter: compile(program, what)? })
    }

    /// Everything that it gives for an input; `values` are those of its variables, in their order.
    ///
    /// # Errors
    /// What the program raises, and more than 10 000 outputs.
    pub(crate) fn run(&self, input: Val, values: impl IntoIterator<Item = Val>) -> Result<Vec<Val>, Fault> {
        let context = Ctx::<Data>::new(&self.filter.lut, Vars::new(values));
        let mut outputs = Vec::new();
        for output in self.filter.id.run((context, input)) {
            if outputs.len() == MOST_OUTPUTS {
                return Err(Fault::new("", format!("jq gives more than {MOST_OUTPUTS} values for one")));
            }
            match output {
                Ok(output) => outputs.push(output),
                Err(exception) => {
                    let reason = match exception.get_err() {
                        Ok(error) => match error.into_val() {
                            Val::TStr(text) => format!("jq: {}", String::from_utf8_lossy(&text)),
                            other => format!("jq: {other}"),
                        },
                        Err(_) => "jq ends with `halt` or an open `break`".to_owned(),
                    };
                    return Err(Fault::new("", reason));
                }
            }
        }
        Ok(outputs)
    }
}

/// Where a program stands, and what it may ask for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    /// The words that an error begins with, such as `transform 2`.
    pub(crate) what: &'a str,
    /// Variables, with their `$`.
    pub(crate) variables: &'a [&'a str],
    /// How to try it out.
    pub(crate) advice: &'a str,
}

fn compile(program: &str, place: &Place<'_>) -> Result<Filter<Data>, Error> {
    let wanted = |name: &&str| !WITHHELD.contains(name) && !deleting::NAMES.contains(name);
    let defs = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
    let funs = jaq_core::funs::<Data>().chain(jaq_std::funs::<Data>()).chain(jaq_json::funs::<Data>());
    let loader = Loader::new(defs.filter(|def| wanted(&def.name)).chain(deleting::defs()));
    let arena = Arena::default();
    let modules = loader
        .load(&arena, File { code: program, path: () })
        .map_err(|errors| describe(program, place, first_load_error(errors)))?;
    Compiler::default()
        .with_funs(funs.filter(|(name, ..)| wanted(name)).chain(deleting::funs()))
        .with_global_vars(place.variables.iter().copied())
        .compile(modules)
        .map_err(|errors| describe(program, place, first_compile_error(errors)))
}

/// Where, as the rest of the program from there on, and what is wrong.
type Flaw<'a> = (&'a str, String);

fn first_load_error<'a>(errors: load::Errors<&'a str, ()>) -> Option<Flaw<'a>> {
    let (_, error) = errors.into_iter().next()?;
    match error {
        load::Error::Io(errors) => {
            errors.into_iter().next().map(|(at, _)| (at, "modules cannot be loaded here".to_owned()))
        }
        load::Error::Lex(errors) => {
            errors.into_iter().next().map(|(expected, at)| (at, expectation(expected.as_str())))
        }
        load::Error::Parse(errors) => {
            errors.into_iter().next().map(|(expected, at)| (at, expectation(expected.as_str())))
        }
    }
}

/// The parser's words; for a token that nothing can begin with, it has none.
fn expectation(expected: &str) -> String {
    if expected == "token" { "this does not belong here".to_owned() } else { format!("expected {expected}") }
}

fn first_compile_error<'a>(errors: compile::Errors<&'a str, ()>) -> Option<Flaw<'a>> {
    let (name, undefined) = errors.into_iter().next()?.1.into_iter().next()?;
    let what = match undefined {
        compile::Undefined::Filter(_) if WITHHELD.contains(&name) => {
            format!("`{name}` is not available: the same document has to become the same at any time")
        }
        compile::Undefined::Filter(arity) => format!("no filter `{name}` with {arity} arguments"),
        other => format!("undefined {} `{name}`", other.as_str()),
    };
    Some((name, what))
}

fn describe(program: &str, place: &Place<'_>, flaw: Option<Flaw<'_>>) -> Error {
    let (at, what) = flaw.unwrap_or((program, "the program cannot be compiled".to_owned()));
    let span = load::span(program, at);
    let start = if span.start <= program.len() { span.start } else { 0 };
    let before = &program[..start];
    let line = before.matches('\n').count();
    let column = before.chars().rev().take_while(|char| *char != '\n').count();
    let text = program.lines().nth(line).unwrap_or_default().replace('\t', " ");
    let width = at.lines().next().map_or(1, |at| at.chars().count()).max(1);
    let width = width.min(text.chars().count().saturating_sub(column).max(1));
    let marked = format!("    {text}\n    {}{}", " ".repeat(column), "^".repeat(width));
    Error::config(
        "jq",
        format!("{}: jq, line {}, column {}: {what}\n{marked}", place.what, line + 1, column + 1),
    )
    .hint(format!(
        "the language is that of jq 1.7, with the variables {}; {}",
        place.variables.join(", "),
        place.advice
    ))
}
