//! Stores of keys and values: where the counters of a page lie, and a hit as a transaction that
//! reads and replaces values.

use crate::daily::{COUNTERS, HOURS, Hit};
use crate::error::{Error, Result};
use crate::experiments::hit::store::Store;

/// A store of keys in order, each with a value.
pub trait KeyValue: Sized {
    /// Puts a value below each key, which come in order.
    ///
    /// # Errors
    /// The store's.
    fn fill(&mut self, keys: &mut dyn Iterator<Item = Vec<u8>>, value: &[u8]) -> Result<()>;

    /// One transaction.
    ///
    /// # Errors
    /// The store's; those of `work`.
    fn transaction(&mut self, work: &mut Work<'_>) -> Result<()>;

    /// The values of `count` keys from `first` on.
    ///
    /// # Errors
    /// The store's.
    fn read(&mut self, first: &[u8], count: usize, each: &mut dyn FnMut(&[u8])) -> Result<()>;

    /// As [`Store::settle`].
    ///
    /// # Errors
    /// The store's.
    fn settle(&mut self) -> Result<()>;

    /// As [`Store::close`].
    ///
    /// # Errors
    /// The store's.
    fn close(self) -> Result<()>;
}

/// What a transaction does.
pub type Work<'a> = dyn FnMut(&mut dyn Edit) -> Result<()> + 'a;

/// A transaction.
pub trait Edit {
    /// Reads the value of a key and replaces it: of each key once.
    ///
    /// # Errors
    /// The store's; there is no such key.
    fn change(&mut self, key: &[u8], change: &mut dyn FnMut(&mut [u8])) -> Result<()>;
}

/// What a value holds: int32 counters, little-endian.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Layout {
    /// All counters of a page.
    Document,
    /// An hour's counter, and those of its minutes.
    Hour,
    /// One counter.
    Counter,
}

/// One counter in a value. A sort puts together what one value holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place(u64);

impl Place {
    fn new(page: u32, value: usize, at: usize) -> Place {
        Place(u64::from(page) << 32 | (value << 16 | at) as u64)
    }

    /// Of a page.
    pub fn page(self) -> usize {
        (self.0 >> 32) as usize
    }

    /// The number of a value among those of its page.
    pub fn value(self) -> usize {
        (self.0 >> 16 & 0xFFFF) as usize
    }

    /// The number of a counter in its value.
    pub fn at(self) -> usize {
        (self.0 & 0xFFFF) as usize
    }

    /// Is it in the same value?
    pub fn is_with(&self, other: &Place) -> bool {
        self.0 >> 16 == other.0 >> 16
    }
}

impl Layout {
    /// Of its name.
    pub fn of(name: &str) -> Option<Layout> {
        match name {
            "document" => Some(Layout::Document),
            "hour" => Some(Layout::Hour),
            "counter" => Some(Layout::Counter),
            _ => None,
        }
    }

    /// Values of a page.
    pub fn values(self) -> usize {
        match self {
            Layout::Document => 1,
            Layout::Hour => HOURS,
            Layout::Counter => COUNTERS,
        }
    }

    /// The two counters of a view.
    pub fn places(self, view: Hit) -> [Place; 2] {
        let [hour, minute] = view.counters();
        let place = |value, at| Place::new(view.page, value, at);
        match self {
            Layout::Document => [place(0, hour), place(0, minute)],
            Layout::Hour => [place(hour, 0), place(hour, 1 + view.minute as usize % 60)],
            Layout::Counter => [place(hour, 0), place(minute, 0)],
        }
    }

    /// The number of a value's counter among those of its page.
    pub fn counter(self, value: usize, at: usize) -> usize {
        match self {
            Layout::Document => at,
            Layout::Hour if at == 0 => value,
            Layout::Hour => HOURS + 60 * value + at - 1,
            Layout::Counter => value,
        }
    }

    /// The key of a value: its page, and what tells the values of a page apart, in order.
    pub fn set_key(self, page: &str, value: usize, key: &mut Vec<u8>) {
        key.clear();
        key.extend_from_slice(page.as_bytes());
        if self != Layout::Document {
            key.extend_from_slice(&(value as u16).to_be_bytes());
        }
    }
}

/// A store of keys and values that counts views.
pub struct Keyed<K> {
    store: K,
    layout: Layout,
    pages: Vec<String>,
    places: Vec<Place>,
    key: Vec<u8>,
}

impl<K: KeyValue> Keyed<K> {
    /// With a value for all counters of `pages`, in order.
    ///
    /// # Errors
    /// The store's.
    pub fn create(mut store: K, layout: Layout, pages: Vec<String>) -> Result<Keyed<K>> {
        let key = |page: &String, value: usize| {
            let mut key = Vec::new();
            layout.set_key(page, value, &mut key);
            key
        };
        let of_page = |page| (0..layout.values()).map(move |value| key(page, value));
        let zeros = vec![0; 4 * COUNTERS.div_ceil(layout.values())];
        store.fill(&mut pages.iter().flat_map(of_page), &zeros)?;
        store.settle()?;
        Ok(Keyed { store, layout, pages, places: Vec::new(), key: Vec::new() })
    }
}

impl<K: KeyValue> Store for Keyed<K> {
    fn hit(&mut self, view: Hit) -> Result<()> {
        self.hits(&[view])
    }

    /// What comes to the same value is added up first.
    fn hits(&mut self, views: &[Hit]) -> Result<()> {
        let Keyed { store, layout, pages, places, key } = self;
        places.clear();
        places.extend(views.iter().flat_map(|view| layout.places(*view)));
        places.sort_unstable();
        store.transaction(&mut |edit| {
            for of_value in places.chunk_by(Place::is_with) {
                layout.set_key(&pages[of_value[0].page()], of_value[0].value(), key);
                edit.change(key, &mut |value| {
                    of_value.iter().for_each(|place| add(value, place.at()));
                })?;
            }
            Ok(())
        })
    }

    fn settle(&mut self) -> Result<()> {
        self.store.settle()
    }

    fn read(&mut self, page: usize, counters: &mut [i64]) -> Result<()> {
        let layout = self.layout;
        layout.set_key(&self.pages[page], 0, &mut self.key);
        let mut value = 0;
        let count = layout.values().min(counters.len());
        self.store.read(&self.key, count, &mut |bytes| {
            for (at, bytes) in bytes.chunks_exact(4).enumerate() {
                // A chart ends before the counters do.
                if let Some(counter) = counters.get_mut(layout.counter(value, at)) {
                    *counter = number(bytes);
                }
            }
            value += 1;
        })
    }

    fn close(self) -> Result<()> {
        self.store.close()
    }
}

/// One more, where there is such a counter.
pub fn add(value: &mut [u8], at: usize) {
    if let Some(bytes) = value.get_mut(4 * at..4 * at + 4) {
        let sum = number(bytes) as i32 + 1;
        bytes.copy_from_slice(&sum.to_le_bytes());
    }
}

/// The number of a counter.
pub fn number(bytes: &[u8]) -> i64 {
    i64::from(bytes.try_into().map_or(-1, i32::from_le_bytes))
}

/// The error about a key that is not there.
pub fn missing(store: &'static str) -> Error {
    Error::Store { store, problem: "a counter is not there".to_owned() }
}
