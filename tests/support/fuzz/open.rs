//! Opening: a small sound database with bytes overwritten anywhere. It opens, is read, validated
//! and salvaged, or says by a typed error what is damaged; every walk ends.

use super::image::{Image, builder};
use super::input::Input;
use super::probe;

/// Runs one input: patches of the files.
pub fn run(input: &[u8]) {
    let image = Image::shared();
    let disk = image.damaged(&image.words, usize::MAX, &mut Input::new(input));
    let salvage = probe::salvage(disk.clone());
    match builder(disk).open() {
        Ok(engine) => {
            probe::read(&engine);
            if let Some(salvage) = salvage {
                probe::assert_has_scans(&salvage, &engine);
            }
            engine.close().expect("nothing of it was damage's to refuse");
        }
        Err(error) => probe::assert_damage("open", &error),
    }
}
