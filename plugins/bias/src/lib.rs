//! Finds biased or hateful language by dimension with a small trained model.
