//! A journal section, one per group commit (format, §11.3): header, raw snappy block, footer,
//! filler up to the next multiple of [`ALIGN`].

/// Before the payload.
pub mod header {
    use crate::format::field::structure;

    structure! { "JSectHeader", 20;
        SECTION_LEN: u32 = 0, "header + compressed payload + footer, without filler";
        SEQ_NUMBER: u64 = 4, "strictly increasing within one run";
        FILE_ID: u64 = 12, "that of the file's header";
    }
}

/// After the payload.
pub mod footer {
    use crate::format::field::structure;

    structure! { "JSectFooter", 32;
        SENTINEL: u32 = 0, "0xffffffff";
        HASH: [u8; 16] = 4, "over header and compressed payload";
        CRC: u32 = 20, "tallymap: CRC-32 of header and compressed payload; else 0";
        CRC_MARK: u32 = 24, "tallymap: 0x54414c59 when a CRC stands before it; else 0";
        MAGIC: [u8; 4] = 28, "four newlines";
    }
}

/// Sections start at multiples of this.
pub const ALIGN: usize = 8192;
/// [`footer::SENTINEL`].
pub const SENTINEL_VALUE: u32 = 0xffff_ffff;
/// [`footer::CRC_MARK`] of a section whose CRC is to be checked ("TALY").
pub const CRC_MARK_VALUE: u32 = 0x5441_4c59;
/// [`footer::MAGIC`].
pub const FOOTER_MAGIC: [u8; 4] = *b"\n\n\n\n";
