//! Passes over cells of which nothing matters before the library reads them: that is most of a sheet, so it is what a look costs.

/// The cells at the start of these bytes that are written as programs write them, and that are neither errors nor formulas without a
/// value: so many bytes, and the last one's own word on where it is. Any other cell is for who takes it apart.
pub(crate) fn cells(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut passed = None;
    let mut rest = bytes;
    while let Some((reference, after)) = cell(rest) {
        passed = Some((bytes.len() - after.len(), reference));
        rest = after;
    }
    passed
}

/// Where the first cell is, and what follows it.
#[inline]
fn cell(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (reference, mut rest) = up_to(b'"', bytes.strip_prefix(b"<c r=\"")?)?;
    loop {
        rest = match rest {
            [b'>', inside @ ..] => return Some((reference, value(inside)?)),
            [b'/', b'>', after @ ..] => return Some((reference, after)),
            [b' ', b't', b'=', b'"', b'e', b'"', ..] => return None,
            [b' ', b's' | b't', b'=', b'"', value @ ..] => up_to(b'"', value)?.1,
            _ => return None,
        }
    }
}

/// What follows the end tag of a cell with a value.
#[inline]
fn value(inside: &[u8]) -> Option<&[u8]> {
    let mut rest = inside;
    if let Some(formula) = rest.strip_prefix(b"<f>") {
        rest = up_to(b'<', formula)?.1.strip_prefix(b"/f>")?;
    }
    if let Some(text) = rest.strip_prefix(b"<v>") {
        let (text, after) = up_to(b'<', text)?;
        return after.strip_prefix(b"/v></c>").filter(|_| !text.is_empty());
    }
    let text = rest.strip_prefix(b"<is><t")?;
    let text = text.strip_prefix(b" xml:space=\"preserve\"").unwrap_or(text);
    up_to(b'<', text.strip_prefix(b">")?)?.1.strip_prefix(b"/t></is></c>")
}

/// Splits at a mark, which is in neither half.
#[inline]
fn up_to(mark: u8, bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = match near(mark, bytes) {
        Some(at) => at,
        None => memchr::memchr(mark, bytes)?,
    };
    let (before, after) = bytes.split_at_checked(at)?;
    Some((before, after.get(1..)?))
}

/// Where a mark is among the first eight bytes, as most are: all at once, where a search would only begin.
#[inline]
fn near(mark: u8, bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::from_ne_bytes([0x01; 8]);
    const HIGHEST: u64 = u64::from_ne_bytes([0x80; 8]);
    let word = u64::from_le_bytes(*bytes.first_chunk()?) ^ u64::from_ne_bytes([mark; 8]);
    // The first byte that is zero now; behind it, others may look like one.
    let found = word.wrapping_sub(ONES) & !word & HIGHEST;
    (found != 0).then(|| found.trailing_zeros() as usize / 8)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::limit::Limits;
    use crate::part;

    #[test]
    fn cells_are_passed_over_up_to_the_first_that_matters() {
        let passed = |bytes: &str| {
            let found = cells(bytes.as_bytes());
            found.map(|(length, last)| (length, String::from_utf8(last.to_vec()).unwrap()))
        };
        let plain = [
            "<c r=\"A1\"><v>1</v></c>",
            "<c r=\"B1\" s=\"7\"/>",
            "<c r=\"C1\" s=\"1\" t=\"s\"><v>0</v></c>",
            "<c r=\"D1\"><f>A1&lt;2</f><v>1</v></c>",
            "<c r=\"E1\" t=\"inlineStr\"><is><t>a > \"b\"</t></is></c>",
            "<c r=\"F1\" t=\"inlineStr\"><is><t xml:space=\"preserve\"> </t></is></c>",
            "<c r=\"G1\" t=\"str\"><f>A1</f><v>e</v></c>",
        ];
        let all = plain.concat();
        for matters in [
            "",
            "</row>",
            "<c r=\"H1\" t=\"e\"><v>#N/A</v></c>",
            "<c r=\"H1\"><f>A1</f></c>",
            "<c r=\"H1\"><f>A1</f><v></v></c>",
            "<c r=\"H1\"><f t=\"shared\" si=\"0\"/><v>1</v></c>",
            "<c r=\"H1\" cm=\"1\"><v>1</v></c>",
            "<c><v>1</v></c>",
            "<c r='H1'><v>1</v></c>",
            "<c r=\"H1\"><v><![CDATA[1]]></v></c>",
            "<c r=\"H1\"><v>1</v><!-- </c> --></c>",
            "<c r=\"H1\"><v>1</v></c",
        ] {
            let expected = Some((all.len(), "G1".to_owned()));
            assert_eq!(passed(&format!("{all}{matters}")), expected, "{matters}");
            assert_eq!(passed(matters), None, "{matters}");
        }
    }

    /// Cells that follow each other in a row, with and without a word on where they are.
    const CELLS: [&str; 9] = [
        "<c r=\"@\"><v>1</v></c>",
        "<c r=\"@\" s=\"7\"/>",
        "<c r=\"@\" t=\"inlineStr\"><is><t>a</t></is></c>",
        "<c r=\"@\"><f>A1</f><v>1</v></c>",
        "<c r=\"@\"><f>A1</f></c>",
        "<c r=\"@\" t=\"e\"><v>#N/A</v></c>",
        "<c><v>1</v></c>",
        "<c t=\"e\"><v>#N/A</v></c>",
        "<c><f>A1</f></c>",
    ];

    proptest! {
        #[test]
        fn what_is_known_of_a_sheet_does_not_depend_on_what_is_passed_over(
            rows in prop::collection::vec(prop::collection::vec(0..CELLS.len(), 0..20), 0..9)
        ) {
            let mut sheet = "<worksheet><sheetData>".to_owned();
            for (row, cells) in (1..).zip(rows) {
                sheet += &format!("<row r=\"{row}\">");
                for (letter, kind) in ('A'..).zip(cells) {
                    sheet += &CELLS[kind].replace('@', &format!("{letter}{row}"));
                }
                sheet += "</row>";
            }
            sheet += "</sheetData></worksheet>";
            let facts = |sheet: &str| {
                let size = sheet.len() as u64;
                part::inspect(sheet.as_bytes(), "s.xml", size, &Limits::default(), &mut Default::default())
                    .unwrap()
                    .sheets
            };
            // With another blank than programs write, nothing is passed over.
            prop_assert_eq!(facts(&sheet), facts(&sheet.replace("<c ", "<c\t")));
        }
    }
}
