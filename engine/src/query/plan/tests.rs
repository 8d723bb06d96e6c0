//! Tables of plans: which bounds a filter gives an index, which plans there are.
