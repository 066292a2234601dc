//! Whether a binding judges an interaction: a pure function of both, so that it is computed whenever it is asked.

use crate::record::{Binding, Interaction};

/// Whether a binding judges an interaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admission {
    /// It does.
    Admitted,
    /// Its filter does not let the interaction pass; with the reason where the filter failed on it.
    Filtered(Option<String>),
    /// A plugin asked it of a model, and the binding asks models itself: they would judge each other without end.
    JudgesOwn,
    /// The interaction passes the filter and is not in the sample.
    SampledOut,
}

impl Admission {
    /// Decides.
    pub fn of(binding: &Binding, interaction: &Interaction) -> Self {
        if !binding.models.is_empty() && interaction.posted.is_judges_own() {
            return Self::JudgesOwn;
        }
        match binding.filter.as_ref().map_or(Ok(true), |filter| filter.passes(interaction)) {
            Ok(false) => Self::Filtered(None),
            Err(reason) => Self::Filtered(Some(reason)),
            Ok(true) if binding.sample.takes(&interaction.id) => Self::Admitted,
            Ok(true) => Self::SampledOut,
        }
    }
}
