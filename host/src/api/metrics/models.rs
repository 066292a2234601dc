//! Figures of the models that plugins ask.

use super::family::{Families, Figure, Row};
use crate::model::{BudgetView, ModelDesk, ModelView};
use crate::record::{Name, Usd};
use crate::store::{ModelUsage, Store, StoreError};

#[derive(Debug)]
pub(super) struct ModelFigures {
    usage: Vec<ModelUsage>,
    models: Vec<ModelView>,
    budgets: Vec<(Name, BudgetView)>,
}

impl ModelFigures {
    pub(super) fn read(store: &Store, desk: &ModelDesk) -> Result<Self, StoreError> {
        Ok(Self { usage: store.model_usage()?, models: desk.models(), budgets: desk.budgets_of_bindings() })
    }

    pub(super) fn encode(&self, families: &mut Families<'_>) -> std::fmt::Result {
        type Column = (&'static str, &'static str, fn(&ModelUsage) -> Figure<'_>);
        let columns: [Column; 7] = [
            ("model_calls", "Requests made to models, ever", |usage| Figure::Counter(usage.calls)),
            ("model_calls_failed", "Those that gave no answer", |usage| Figure::Counter(usage.failed)),
            ("model_calls_cached", "Requests answered with what was kept", |usage| Figure::Counter(usage.cached)),
            ("model_input_tokens", "Tokens of the prompts", |usage| Figure::Counter(usage.input_tokens)),
            ("model_output_tokens", "Tokens that models made", |usage| Figure::Counter(usage.output_tokens)),
            ("model_calls_unpriced", "Requests whose cost no pricing adapter knew", |usage| {
                Figure::Counter(usage.unpriced)
            }),
            ("model_cost_usd", "What models cost, as far as pricing adapters know", |usage| {
                Figure::Amount(usage.cost.dollars())
            }),
        ];
        for (name, help, figure) in columns {
            let row = |usage| Row { labels: labels(usage), figure: figure(usage) };
            families.add(name, help, self.usage.iter().map(row))?;
        }
        let each = |figure: fn(&ModelView) -> Option<f64>| {
            let value = move |model| Some((model, figure(model)?));
            let values = self.models.iter().filter_map(value);
            values.map(|(model, value)| Row::new(("model", model.definition.alias.as_str()), Figure::Gauge(value)))
        };
        let under_way = each(|model| Some(model.under_way as f64));
        families.add("model_requests_under_way", "Requests that wait for their answer", under_way)?;
        let limit = each(|model| Some(model.budget?.budget.limit.dollars()));
        families.add("model_budget_usd", "What may be spent on the model in each period", limit)?;
        let spent = each(|model| Some(model.budget?.spent.dollars()));
        families.add("model_budget_spent_usd", "What was spent of it in the period that it is", spent)?;
        let of_binding = |figure: fn(&BudgetView) -> Usd| {
            let rows = self.budgets.iter();
            rows.map(move |(name, budget)| Row::new(("plugin", name.as_str()), Figure::Gauge(figure(budget).dollars())))
        };
        let limit = of_binding(|budget| budget.budget.limit);
        families.add("plugin_budget_usd", "What the plugin may spend on models in each period", limit)?;
        let spent = of_binding(|budget| budget.spent);
        families.add("plugin_budget_spent_usd", "What it spent of that in the period that it is", spent)
    }
}

fn labels(usage: &ModelUsage) -> Vec<(&'static str, &str)> {
    vec![("plugin", &usage.binding), ("model", &usage.alias)]
}
