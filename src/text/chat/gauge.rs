//! How much the values of a template stand for.
//!
//! A list that holds another one twice takes a few bytes and stands for twice as much: forty such steps make a value
//! that no machine prints or compares. The library's fuel counts what is made, not what it stands for, so every value
//! that an expression reads is weighed here, and what is too heavy or too deep is refused.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use minijinja::{
    Environment, Error, ErrorKind, State, Value, filters,
    formatting::{FormatStyle, format},
    value::{DynObject, Object, Rest, ValueKind},
};
use minijinja_contrib::{globals, pycompat};

use super::reads;

/// The most that all values weigh together, as often as they are read: each one is 1, and 64 bytes of text.
const MOST: usize = 1 << 19;

/// The bytes of a text that weigh as much as a value.
const TEXT: usize = 64;

/// What is computed while it is read may hide others of its kind, however deep.
const UNMADE: usize = 2500;

/// The most lists and maps around a value.
const DEEPEST: usize = 100;

/// The most bytes that a format may write, as far as is known before.
const LONGEST: usize = 32 << 20;

/// What may still be read. It is a map from each value to itself, so that reading costs as little as possible.
#[derive(Debug)]
struct Gauge {
    left: AtomicUsize,
}

impl Default for Gauge {
    fn default() -> Self {
        Self { left: MOST.into() }
    }
}

impl Object for Gauge {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        Some(self.read(key).unwrap_or_else(Value::from))
    }
}

impl Gauge {
    /// The value, its items computed.
    fn read(&self, value: &Value) -> Result<Value, Error> {
        let mut value = value.clone();
        if value.kind() == ValueKind::Iterable {
            let pay = |item| self.pay(1).map(|()| item);
            value = value.try_iter()?.map(pay).collect::<Result<Vec<_>, _>>()?.into();
        }
        self.weigh(&value, 0)?;
        Ok(value)
    }

    fn weigh(&self, value: &Value, depth: usize) -> Result<(), Error> {
        self.pay(1 + value.as_str().map_or(0, |text| text.len() / TEXT))?;
        let kind = value.kind();
        if !matches!(kind, ValueKind::Seq | ValueKind::Map | ValueKind::Iterable) {
            return Ok(());
        }
        if depth == DEEPEST {
            return Err(refusal("a value is too deep"));
        }
        if kind == ValueKind::Iterable {
            self.pay(UNMADE)?;
        }
        let items = value.as_object().and_then(DynObject::try_iter_pairs);
        items.into_iter().flatten().try_for_each(|(key, item)| {
            self.weigh(&key, depth + 1)?;
            self.weigh(&item, depth + 1)
        })
    }

    /// What a namespace is to hold. It alone changes after it is made, so it must hold nothing that could come to hold it:
    /// values that hold themselves have no end.
    fn held(&self, value: &Value) -> Result<Value, Error> {
        let value = self.read(value)?;
        if changes(&value) {
            return Err(refusal(
                "a namespace cannot hold another one, a loop or what is computed from them",
            ));
        }
        Ok(value)
    }

    fn pay(&self, weight: usize) -> Result<(), Error> {
        let less = |left: usize| left.checked_sub(weight);
        match self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less) {
            Ok(_) => Ok(()),
            Err(_) => Err(refusal("its values are too large")),
        }
    }
}

/// Whether a value, which is weighed, may change.
fn changes(value: &Value) -> bool {
    let Some(object) = value.as_object() else { return false };
    let name = object.type_name();
    value.kind() == ValueKind::Iterable
        || ["::Namespace", "::Loop"].iter().any(|end| name.ends_with(end))
        || object
            .try_iter_pairs()
            .into_iter()
            .flatten()
            .any(|(key, item)| changes(&key) || changes(&item))
}

fn refusal(text: &'static str) -> Error {
    Error::new(ErrorKind::InvalidOperation, text)
}

/// Puts what makes large values of small ones on a gauge, and weighs all that is read ([`reads`]).
pub fn bound(environment: &mut Environment) {
    type Divide = fn(&State, Value, usize, Option<Value>) -> Result<Value, Error>;
    let gauge = Arc::new(Gauge::default());
    environment.add_global(reads::WEIGHED, Value::from_dyn_object(Arc::clone(&gauge)));
    environment.add_filter(reads::FACTOR, factor);
    let holder = Arc::clone(&gauge);
    environment.add_filter(reads::HELD, move |value: &Value| holder.held(value));
    environment.set_unknown_method_callback(method);
    environment.add_filter("format", printed);
    for (name, divide) in [("batch", filters::batch as Divide), ("slice", filters::slice)] {
        let gauge = Arc::clone(&gauge);
        environment.add_filter(
            name,
            move |state: &State, value: Value, count: usize, rest: Option<Value>| {
                gauge.read(&divide(state, value, count, rest)?)
            },
        );
    }
    environment.add_function("cycler", cycler);
    environment.add_function("joiner", |separator: Option<String>| {
        globals::joiner(separator.map(Value::from))
    });
    // Jinja has none of these, or writes something else.
    for name in ["chain", "zip", "pprint"] {
        environment.remove_filter(name);
    }
    environment.remove_global("debug");
}

/// A factor. A list times a number stands for that many lists, but is not weighed before it is used.
fn factor(value: &Value) -> Result<Value, Error> {
    let is_list = matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable);
    if is_list { Err(refusal("a list cannot be multiplied")) } else { Ok(value.clone()) }
}

/// The methods of Python's values.
fn method(state: &mut State, value: &Value, name: &str, args: &[Value]) -> Result<Value, Error> {
    match (value.as_str(), name) {
        (Some(text), "format") => formatted(FormatStyle::StrFormat, text, args),
        _ => pycompat::unknown_method_callback(state, value, name, args),
    }
}

/// The filter `format`.
#[allow(clippy::needless_pass_by_value, reason = "a filter owns its arguments")]
fn printed(text: &str, args: Rest<Value>) -> Result<Value, Error> {
    formatted(FormatStyle::Printf, text, &args)
}

/// Every field may write every argument, at the largest width.
fn formatted(style: FormatStyle, text: &str, args: &[Value]) -> Result<Value, Error> {
    let sign = match style {
        FormatStyle::StrFormat => '{',
        FormatStyle::Printf => '%',
    };
    let n_fields = text.matches(sign).count().max(1);
    let numbers = text.split(|c: char| !c.is_ascii_digit()).filter(|digits| !digits.is_empty());
    let widest = numbers.map(|digits| digits.parse().unwrap_or(usize::MAX)).max().unwrap_or(0);
    let most = (LONGEST / n_fields).saturating_sub(widest) / TEXT;
    let gauge = Gauge { left: most.into() };
    if args.iter().any(|arg| gauge.weigh(arg, 0).is_err()) {
        return Err(refusal("a format makes too long a text"));
    }
    format(style, text, args).map(Value::from)
}

/// Of texts and numbers: what an object holds is not seen.
fn cycler(items: Vec<Value>) -> Result<Value, Error> {
    if items.iter().any(|item| item.as_object().is_some()) {
        return Err(refusal("`cycler` takes no lists"));
    }
    globals::cycler(items)
}
