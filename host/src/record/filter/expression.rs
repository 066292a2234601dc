//! A filter's expression, made so that working it out is bounded and always gives the same. Knows nothing of interactions.

use cel::common::ast::{CallExpr, EntryExpr, Expr, IdedEntryExpr, IdedExpr};
use cel::{Context, Env, ExecutionError, Value};

use super::FilterError;

/// A longer text is not read.
const MAX_BYTES: usize = 4 << 10;
/// How deep an expression may be: each level takes stack whenever it is worked out, and a full stack ends the process.
const MAX_DEPTH: usize = 200;
/// How deep macros may stand in one another: each level multiplies the time.
const MAX_LOOPS: usize = 2;

/// The stack of the thread that compiles: the parser takes a frame for each level before anybody can count them.
const STACK: usize = 64 << 20;

/// The function that puts what a macro walks over into order. No expression can name it.
const ORDERED: &str = "@ordered";

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
        let Size { depth, loops } = prepare(&mut expression);
        if depth > MAX_DEPTH {
            return Err(FilterError::TooLarge(format!("it is {depth} levels deep, of at most {MAX_DEPTH}")));
        }
        if loops > MAX_LOOPS {
            return Err(FilterError::TooLarge(format!("{loops} macros stand in one another, of at most {MAX_LOOPS}")));
        }
        Ok(Self(expression))
    }

    /// The variables that it names.
    pub(super) fn variables(&self) -> Vec<String> {
        self.0.references().variables().into_iter().map(str::to_owned).collect()
    }

    pub(super) fn work_out(&self, context: &mut Context<'_, '_>) -> Result<Value, ExecutionError> {
        context.add_function(ORDERED, ordered).map_err(|error| ExecutionError::function_error(ORDERED, error))?;
        context.resolve(&self.0)
    }
}

/// A map's keys in order, which macros would walk over in another order each time; anything else as it is.
fn ordered(value: Value) -> Value {
    match value {
        Value::Map(map) => {
            let mut keys: Vec<_> = map.map.keys().collect();
            keys.sort_unstable();
            Value::List(keys.into_iter().map(Value::from).collect::<Vec<_>>().into())
        }
        other => other,
    }
}

/// How large an expression is where it is largest.
#[derive(Clone, Copy, Default)]
struct Size {
    depth: usize,
    loops: usize,
}

impl Size {
    fn max(self, other: Self) -> Self {
        Self { depth: self.depth.max(other.depth), loops: self.loops.max(other.loops) }
    }
}

/// Measures the expression, and has every macro in it walk in order.
fn prepare(expression: &mut IdedExpr) -> Size {
    let inside = match &mut expression.expr {
        Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) => Size::default(),
        Expr::Call(call) => prepare_all(call.target.as_deref_mut().into_iter().chain(&mut call.args)),
        Expr::List(list) => prepare_all(&mut list.elements),
        Expr::Select(select) => prepare(&mut select.operand),
        Expr::Map(map) => map.entries.iter_mut().map(prepare_entry).fold(Size::default(), Size::max),
        Expr::Struct(made) => made.entries.iter_mut().map(prepare_entry).fold(Size::default(), Size::max),
        Expr::Comprehension(each) => {
            let once = prepare_all([&mut each.iter_range, &mut each.accu_init, &mut each.result]);
            let repeated = prepare_all([&mut each.loop_cond, &mut each.loop_step]);
            let range = std::mem::take(&mut each.iter_range);
            let call = CallExpr { func_name: ORDERED.to_owned(), target: None, args: vec![range] };
            each.iter_range = IdedExpr { id: 0, expr: Expr::Call(call) };
            once.max(Size { loops: repeated.loops + 1, ..repeated })
        }
    };
    Size { depth: inside.depth + 1, ..inside }
}

fn prepare_all<'a>(expressions: impl IntoIterator<Item = &'a mut IdedExpr>) -> Size {
    expressions.into_iter().map(prepare).fold(Size::default(), Size::max)
}

fn prepare_entry(entry: &mut IdedEntryExpr) -> Size {
    match &mut entry.expr {
        EntryExpr::StructField(field) => prepare(&mut field.value),
        EntryExpr::MapEntry(entry) => prepare_all([&mut entry.key, &mut entry.value]),
    }
}

#[cfg(test)]
mod tests {
    use crate::record::{Filter, Interaction};

    fn check(source: &str, expected: Result<(), &str>) {
        let made = Filter::new(source).map_err(|error| error.to_string());
        match (made, expected) {
            (Ok(_), Ok(())) => {}
            (Err(error), Err(says)) => assert!(error.contains(says), "{source}: {error}"),
            (made, expected) => panic!("{source}: {made:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn a_filter_that_could_take_the_host_down_is_refused() {
        let sum = |terms: usize| format!("1{} > 0", "+1".repeat(terms));
        check(&sum(150), Ok(()));
        check(&sum(300), Err("302 levels deep"));
        check(&sum(10_000), Err("20005 bytes"));
        check(&["model == \"gpt-4.1-mini\""; 100].join(" || "), Ok(()));
        let loops = |depth: usize| (0..depth).fold("true".to_owned(), |inner, _| format!("[1,2].all(e, {inner})"));
        check(&loops(2), Ok(()));
        check(&loops(3), Err("3 macros stand in one another"));
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
