//! Is the code in the shape that we promised? Layers, sizes, unsafe, words.

mod layers;
mod sources;
mod words;
