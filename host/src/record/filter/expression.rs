//! A filter's expression, made so that working it out is bounded and always gives the same. Knows nothing of interactions.

use std::sync::atomic::{AtomicU64, Ordering};

use cel::common::ast::{CallExpr, EntryExpr, Expr, IdedEntryExpr, IdedExpr, LiteralValue};
use cel::{Context, Env, ExecutionError, Value};

use super::FilterError;

/// A longer text is not read.
const MAX_BYTES: usize = 4 << 10;
/// How deep an expression may be: each level takes stack whenever it is worked out, and a full stack ends the process.
const MAX_DEPTH: usize = 200;
/// How many steps macros may take on one interaction, some tenths of a second but for costly regular expressions. A step is
/// a part of what is repeated.
const MAX_STEPS: u64 = 1_000_000;
/// A regular expression is compiled whenever it is asked, which takes as long as so many steps, and more where it repeats
/// classes of characters.
const MATCHES: u64 = 1_000;
/// As many bytes of a text that a macro walks over count as a step.
const BYTES_OF_STEP: usize = 16;

/// The stack of the thread that compiles: the parser takes a frame for each level before anybody can count them.
const STACK: usize = 64 << 20;

/// The function that stands around what a macro walks over. No expression can name it, but an error does.
const RANGE: &str = "a macro";

/// A compiled expression.
pub(super) struct Expression(IdedExpr);

impl Expression {
    pub(super) fn compile(source: &str, env: &Env) -> Result<Self, FilterError> {
        if source.len() > MAX_BYTES {
            return Err(FilterError::TooLarge(format!("it has {} bytes, of at most {MAX_BYTES}", source.len())));
        }
        std::thread::scope(|scope| {
            let builder = std::thread::Builder::new().name("filter".to_owned()).stack_size(STACK);
            let thread = builder.spawn_scoped(scope, || Self::compile_here(source, env));
            let thread =
                thread.map_err(|error| FilterError::TooLarge(format!("no thread can be started for it: {error}")))?;
            thread.join().unwrap_or_else(|_| Err(FilterError::Syntax("the parser gave up on it".to_owned())))
        })
    }

    fn compile_here(source: &str, env: &Env) -> Result<Self, FilterError> {
        let program = env.compile(source).map_err(|error| FilterError::Syntax(error.to_string()))?;
        let mut expression = program.expression().clone();
        let Size { depth, .. } = prepare(&mut expression);
        if depth > MAX_DEPTH {
            return Err(FilterError::TooLarge(format!("it is {depth} levels deep, of at most {MAX_DEPTH}")));
        }
        Ok(Self(expression))
    }

    /// The variables that it names.
    pub(super) fn variables(&self) -> Vec<String> {
        self.0.references().variables().into_iter().map(str::to_owned).collect()
    }

    pub(super) fn work_out(&self, context: &mut Context<'_, '_>) -> Result<Value, ExecutionError> {
        let left = AtomicU64::new(MAX_STEPS);
        let range = move |range: Value, steps: i64| walk(range, steps.unsigned_abs(), &left);
        context.add_function(RANGE, range).map_err(|error| ExecutionError::function_error(RANGE, error))?;
        context.resolve(&self.0)
    }
}

/// What a macro walks over, where there are steps left to do so: a map's keys in order, which would come in another order
/// each time; anything else as it is.
fn walk(range: Value, steps: u64, left: &AtomicU64) -> Result<Value, ExecutionError> {
    let items = match &range {
        Value::List(items) => items.len(),
        Value::Map(map) => map.map.len(),
        _ => 0,
    };
    let taken = (items as u64).saturating_mul(steps).saturating_add(weight(&range));
    if left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(taken)).is_err() {
        // Whatever comes after it is cheap.
        left.store(0, Ordering::Relaxed);
        return Err(ExecutionError::function_error(RANGE, format!("the filter takes more than {MAX_STEPS} steps")));
    }
    Ok(match range {
        Value::Map(map) => {
            let mut keys: Vec<_> = map.map.keys().collect();
            keys.sort_unstable();
            Value::List(keys.into_iter().map(Value::from).collect::<Vec<_>>().into())
        }
        other => other,
    })
}

/// Steps for the value's size, as texts and lists can double with each macro.
fn weight(value: &Value) -> u64 {
    let text = |bytes: usize| (bytes / BYTES_OF_STEP) as u64;
    1 + match value {
        Value::List(items) => items.iter().map(weight).sum(),
        Value::Map(map) => map.map.values().map(weight).sum(),
        Value::String(of) => text(of.len()),
        Value::Bytes(of) => text(of.len()),
        _ => 0,
    }
}

/// How large an expression is.
#[derive(Clone, Copy, Default)]
struct Size {
    depth: usize,
    steps: u64,
}

impl Size {
    fn and(self, other: Self) -> Self {
        Self { depth: self.depth.max(other.depth), steps: self.steps.saturating_add(other.steps) }
    }
}

/// Measures the expression, and puts the function around what its macros walk over, with the steps for each item.
fn prepare(expression: &mut IdedExpr) -> Size {
    let inside = match &mut expression.expr {
        Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) => Size::default(),
        Expr::Call(call) => prepare_all(call.target.as_deref_mut().into_iter().chain(&mut call.args)),
        Expr::List(list) => prepare_all(&mut list.elements),
        Expr::Select(select) => prepare(&mut select.operand),
        Expr::Map(map) => map.entries.iter_mut().map(prepare_entry).fold(Size::default(), Size::and),
        Expr::Struct(made) => made.entries.iter_mut().map(prepare_entry).fold(Size::default(), Size::and),
        Expr::Comprehension(each) => {
            let once = prepare_all([&mut each.iter_range, &mut each.accu_init, &mut each.result]);
            let repeated = prepare_all([&mut each.loop_cond, &mut each.loop_step]);
            let range = std::mem::take(&mut each.iter_range);
            let steps = Expr::Literal(LiteralValue::Int(repeated.steps.cast_signed().into()));
            let args = vec![range, IdedExpr { id: 0, expr: steps }];
            let call = CallExpr { func_name: RANGE.to_owned(), target: None, args };
            each.iter_range = IdedExpr { id: 0, expr: Expr::Call(call) };
            once.and(repeated)
        }
    };
    let matches = matches!(&expression.expr, Expr::Call(call) if call.func_name == "matches");
    Size { depth: inside.depth + 1, steps: inside.steps + if matches { MATCHES } else { 1 } }
}

fn prepare_all<'a>(expressions: impl IntoIterator<Item = &'a mut IdedExpr>) -> Size {
    expressions.into_iter().map(prepare).fold(Size::default(), Size::and)
}

fn prepare_entry(entry: &mut IdedEntryExpr) -> Size {
    match &mut entry.expr {
        EntryExpr::StructField(field) => prepare(&mut field.value),
        EntryExpr::MapEntry(entry) => prepare_all([&mut entry.key, &mut entry.value]),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;
    use crate::record::{Filter, Interaction};

    #[test]
    fn a_filter_that_could_take_the_host_down_is_refused() {
        let sum = |terms: usize| format!("1{} > 0", "+1".repeat(terms));
        check(&sum(150), Ok(()));
        check(&sum(300), Err("302 levels deep"));
        check(&sum(10_000), Err("20005 bytes"));
        check(&["model == \"gpt-4.1-mini\""; 100].join(" || "), Ok(()));
        let ten = "[1,2,3,4,5,6,7,8,9,10]";
        let loops = |depth: usize| (0..depth).fold("true".to_owned(), |inner, _| format!("{ten}.all(e, {inner})"));
        check(&loops(3), Ok(()));
        check(&loops(8), Err("more than 1000000 steps"));
        let many = format!("[{}]", ["1"; 400].join(","));
        check(&format!("{many}.map(a, {many}.map(b, {many})).size() > 0"), Err("more than 1000000 steps"));
        let regex = "!model.matches(\"x\")";
        check(&format!("{many}.all(a, {many}.all(b, {regex}))"), Err("more than 1000000 steps"));
        let doubled = |times: usize| format!("[\"a\"]{}.size() == 1", ".map(e, e + e)".repeat(times));
        check(&doubled(10), Ok(()));
        check(&doubled(60), Err("more than 1000000 steps"));
        check("input.filter(m, m.role == \"user\").map(m, m.content).exists(c, c.startsWith(\"H\"))", Ok(()));
    }

    #[test]
    fn a_filter_is_a_pure_function() {
        let mut interaction = Interaction::canary();
        interaction.posted.attributes =
            ["d", "a", "c", "b"].map(|key| (key.to_owned(), key.into())).into_iter().collect();
        for source in [
            "attributes.map(k, k) == [\"a\", \"b\", \"c\", \"d\"]",
            "attributes.filter(k, k > \"a\")[0] == \"b\"",
            "attributes.map(k, attributes[k])[3] == \"d\"",
            "{\"y\": 1, \"x\": 2}.map(k, k)[0] == \"x\"",
            "[attributes].map(a, a.map(k, k))[0][1] == \"b\"",
        ] {
            let filter = Filter::new(source).map_err(|error| error.to_string());
            let filter = filter.unwrap_or_else(|error| panic!("{source}: {error}"));
            assert!((0..20).all(|_| filter.passes(&interaction) == Ok(true)), "{source}");
        }
    }
}
