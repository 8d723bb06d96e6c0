//! The element types of BSON: their bytes, widths, places in the canonical order, names.
//!
//! The bytes are on disk. Never renumber.

/// 64-bit IEEE 754 floating point.
pub const DOUBLE: u8 = 0x01;
/// UTF-8 string.
pub const STRING: u8 = 0x02;
/// Embedded document.
pub const DOCUMENT: u8 = 0x03;
/// Array: a document whose names are "0", "1" ….
pub const ARRAY: u8 = 0x04;
/// Binary data with a subtype.
pub const BINARY: u8 = 0x05;
/// Undefined (deprecated).
pub const UNDEFINED: u8 = 0x06;
/// ObjectId.
pub const OBJECT_ID: u8 = 0x07;
/// Boolean.
pub const BOOL: u8 = 0x08;
/// UTC datetime, signed milliseconds since the epoch.
pub const DATE: u8 = 0x09;
/// Null.
pub const NULL: u8 = 0x0a;
/// Regular expression: pattern and flags.
pub const REGEX: u8 = 0x0b;
/// DBPointer (deprecated): namespace and ObjectId.
pub const DB_POINTER: u8 = 0x0c;
/// JavaScript code.
pub const CODE: u8 = 0x0d;
/// Symbol (deprecated).
pub const SYMBOL: u8 = 0x0e;
/// JavaScript code with scope.
pub const CODE_WITH_SCOPE: u8 = 0x0f;
/// 32-bit signed integer.
pub const INT32: u8 = 0x10;
/// Timestamp: increment in the lower, seconds in the upper 32 bits.
pub const TIMESTAMP: u8 = 0x11;
/// 64-bit signed integer.
pub const INT64: u8 = 0x12;
/// 128-bit decimal floating point.
pub const DECIMAL128: u8 = 0x13;
/// Above every other value.
pub const MAX_KEY: u8 = 0x7f;
/// Below every other value.
pub const MIN_KEY: u8 = 0xff;

const VARIABLE: u8 = 0xfe;
const UNKNOWN: u8 = 0xff;

/// Width of the value by type, or one of the two marks above.
const WIDTHS: [u8; 256] = {
    let mut widths = [UNKNOWN; 256];
    let fixed = [
        (DOUBLE, 8),
        (UNDEFINED, 0),
        (OBJECT_ID, 12),
        (BOOL, 1),
        (DATE, 8),
        (NULL, 0),
        (INT32, 4),
        (TIMESTAMP, 8),
        (INT64, 8),
        (DECIMAL128, 16),
        (MAX_KEY, 0),
        (MIN_KEY, 0),
    ];
    let mut i = 0;
    while i < fixed.len() {
        widths[fixed[i].0 as usize] = fixed[i].1;
        i += 1;
    }
    let variable =
        [STRING, DOCUMENT, ARRAY, BINARY, REGEX, DB_POINTER, CODE, SYMBOL, CODE_WITH_SCOPE];
    let mut i = 0;
    while i < variable.len() {
        widths[variable[i] as usize] = VARIABLE;
        i += 1;
    }
    widths
};

/// How long the values of a type are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Width {
    /// Always this many bytes.
    Fixed(usize),
    /// The value says it.
    Variable,
    /// No such type.
    Unknown,
}

/// How long the values of type `ty` are.
#[inline(always)]
pub const fn width(ty: u8) -> Width {
    match WIDTHS[ty as usize] {
        VARIABLE => Width::Variable,
        UNKNOWN => Width::Unknown,
        len => Width::Fixed(len as usize),
    }
}

/// Is it a document or an array?
#[inline(always)]
pub const fn is_container(ty: u8) -> bool {
    ty == DOCUMENT || ty == ARRAY
}

/// Place of the type in the canonical order (format, §10.6). Types that compare by value with
/// each other share one.
pub const fn canonical(ty: u8) -> i8 {
    match ty {
        MIN_KEY => -1,
        NULL => 5,
        DOUBLE | INT32 | INT64 | DECIMAL128 => 10,
        STRING | SYMBOL => 15,
        DOCUMENT => 20,
        ARRAY => 25,
        BINARY => 30,
        OBJECT_ID => 35,
        BOOL => 40,
        DATE => 45,
        TIMESTAMP => 47,
        REGEX => 50,
        DB_POINTER => 55,
        CODE => 60,
        CODE_WITH_SCOPE => 65,
        MAX_KEY => 127,
        _ => 0,
    }
}

/// The type's name in messages.
pub const fn name(ty: u8) -> &'static str {
    match ty {
        DOUBLE => "double",
        STRING => "string",
        DOCUMENT => "object",
        ARRAY => "array",
        BINARY => "binData",
        UNDEFINED => "undefined",
        OBJECT_ID => "objectId",
        BOOL => "bool",
        DATE => "date",
        NULL => "null",
        REGEX => "regex",
        DB_POINTER => "dbPointer",
        CODE => "javascript",
        SYMBOL => "symbol",
        CODE_WITH_SCOPE => "javascriptWithScope",
        INT32 => "int",
        TIMESTAMP => "timestamp",
        INT64 => "long",
        DECIMAL128 => "decimal",
        MAX_KEY => "maxKey",
        MIN_KEY => "minKey",
        _ => "unknown",
    }
}
