//! A value of every type of BSON, as bytes made by hand: no library decides what they are.

/// Every type with one value, as its type byte and the value's bytes.
pub fn values() -> Vec<(u8, Vec<u8>)> {
    let text =
        |text: &str| [&(text.len() as i32 + 1).to_le_bytes(), text.as_bytes(), b"\0"].concat();
    let empty = vec![5, 0, 0, 0, 0];
    let code_with_scope = {
        let inner = [text("x"), empty.clone()].concat();
        let len = (4 + inner.len() as i32).to_le_bytes();
        [len.to_vec(), inner].concat()
    };
    vec![
        (0x01, 1.5f64.to_le_bytes().to_vec()),
        (0x02, text("text")),
        (0x03, empty.clone()),
        (0x04, empty),
        (0x05, [&3i32.to_le_bytes()[..], &[0x80, 1, 2, 3]].concat()),
        (0x06, vec![]),
        (0x07, vec![7; 12]),
        (0x08, vec![1]),
        (0x09, (-1i64).to_le_bytes().to_vec()),
        (0x0a, vec![]),
        (0x0b, b"a.b\0i\0".to_vec()),
        (0x0c, [text("a.b"), vec![9; 12]].concat()),
        (0x0d, text("f()")),
        (0x0e, text("symbol")),
        (0x0f, code_with_scope),
        (0x10, 5i32.to_le_bytes().to_vec()),
        (0x11, u64::MAX.to_le_bytes().to_vec()),
        (0x12, i64::MAX.to_le_bytes().to_vec()),
        (0x13, vec![0; 16]),
        (0x7f, vec![]),
        (0xff, vec![]),
    ]
}

/// A document of them all, under the names `v0`, `v1` …, after an `_id` of 1.
pub fn document() -> Vec<u8> {
    let mut bytes = vec![0; 4];
    bytes.extend(b"\x10_id\0\x01\0\0\0");
    for (n, (ty, value)) in values().into_iter().enumerate() {
        bytes.push(ty);
        bytes.extend(format!("v{n}\0").bytes());
        bytes.extend(value);
    }
    // Deeper levels, and the old form of binary data, which repeats its length.
    let list = framed(b"\x020\0\x02\0\0\0x\0\x101\0\x07\0\0\0");
    let deep = framed(&[b"\x04list\0", &list[..]].concat());
    bytes.extend([b"\x03deep\0", &deep[..]].concat());
    bytes.extend(b"\x05old\0\x06\0\0\0\x02\x02\0\0\0ab");
    framed(&bytes[4..])
}

/// A document of these elements.
fn framed(elements: &[u8]) -> Vec<u8> {
    let len = (elements.len() as i32 + 5).to_le_bytes();
    [&len, elements, b"\0"].concat()
}
