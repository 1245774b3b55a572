//! Reads a CTranslate2 model file: the form in which the recogniser's weights are published.
//!
//! Layout, little endian: u32 version 6; spec name; u32 revision; u32 count; then for each variable name, u8 rank, u32 dimensions, u8 type,
//! u32 byte length, bytes; then aliases. A string is u16 length and bytes with a closing NUL.

use std::collections::BTreeMap;

use super::ModelsError;

const VERSION: u32 = 6;
const F32: u8 = 0;
const F16: u8 = 4;

/// One variable as it lies in the file.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Variable<'a> {
    pub(super) dims: Vec<usize>,
    kind: u8,
    bytes: &'a [u8],
}

impl Variable<'_> {
    /// The values, row by row.
    pub(super) fn values(&self) -> Result<Vec<f32>, ModelsError> {
        match self.kind {
            F32 => Ok(self.bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()),
            F16 => Ok(self.bytes.as_chunks().0.iter().map(|bytes| from_half(u16::from_le_bytes(*bytes))).collect()),
            other => Err(ModelsError::Convert { why: format!("a tensor of type {other}, expected f32 or f16") }),
        }
    }
}

/// All variables by name.
pub(super) fn read(file: &[u8]) -> Result<BTreeMap<String, Variable<'_>>, ModelsError> {
    let mut reader = Reader { rest: file };
    let version = reader.u32()?;
    if version != VERSION {
        return Err(ModelsError::Convert { why: format!("CTranslate2 file of version {version}, expected {VERSION}") });
    }
    reader.string()?;
    reader.u32()?;
    let count = reader.u32()?;
    let mut variables = BTreeMap::new();
    for _ in 0..count {
        let name = reader.string()?;
        let rank = reader.take(1)?[0];
        let dims = (0..rank).map(|_| reader.u32().and_then(usize_of)).collect::<Result<Vec<_>, _>>()?;
        let kind = reader.take(1)?[0];
        let length = usize_of(reader.u32()?)?;
        variables.insert(name, Variable { dims, kind, bytes: reader.take(length)? });
    }
    Ok(variables)
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], ModelsError> {
        let (taken, rest) =
            self.rest.split_at_checked(length).ok_or_else(|| ModelsError::Convert { why: "the file is cut short".to_owned() })?;
        self.rest = rest;
        Ok(taken)
    }

    fn u32(&mut self) -> Result<u32, ModelsError> {
        let bytes = self.take(4)?;
        Ok(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    fn string(&mut self) -> Result<String, ModelsError> {
        let length = self.take(2)?;
        let bytes = self.take(usize::from(u16::from_le_bytes([length[0], length[1]])))?;
        Ok(String::from_utf8_lossy(bytes.strip_suffix(&[0]).unwrap_or(bytes)).into_owned())
    }
}

fn usize_of(value: u32) -> Result<usize, ModelsError> {
    usize::try_from(value).map_err(|_| ModelsError::Convert { why: "a size beyond this machine".to_owned() })
}

/// IEEE 754 binary16 to binary32, exact.
pub(super) fn from_half(half: u16) -> f32 {
    let sign = u32::from(half >> 15) << 31;
    let exponent = u32::from(half >> 10) & 0x1f;
    let mantissa = u32::from(half) & 0x3ff;
    let bits = match (exponent, mantissa) {
        (0, 0) => sign,
        // Subnormal: its value is mantissa * 2^-24, which binary32 holds as a normal number.
        (0, _) => {
            let shift = mantissa.leading_zeros() - 21;
            sign | ((113 - shift) << 23) | ((mantissa << (shift + 13)) & 0x7f_ffff)
        }
        (31, _) => sign | 0x7f80_0000 | (mantissa << 13),
        _ => sign | ((exponent + 112) << 23) | (mantissa << 13),
    };
    f32::from_bits(bits)
}

/// IEEE 754 binary32 to binary16, rounding to nearest, ties to even; beyond the range it is infinite.
pub(super) fn to_half(value: f32) -> u16 {
    let bits = value.to_bits();
    let sign = u16::try_from(bits >> 31).unwrap_or(0) << 15;
    let magnitude = bits & 0x7fff_ffff;
    let rounded = if magnitude >= 0x7f80_0000 {
        if magnitude > 0x7f80_0000 { 0x7e00 } else { 0x7c00 }
    } else if magnitude >= 0x4780_0000 {
        0x7c00
    } else if magnitude < 0x3880_0000 {
        // Below 2^-14: adding 0.5 lines the bits up at 2^-24 and lets the adder round.
        (f32::from_bits(magnitude) + 0.5).to_bits() - 0x3f00_0000
    } else {
        let odd = (magnitude >> 13) & 1;
        (magnitude + 0xfff + odd - 0x3800_0000) >> 13
    };
    sign | u16::try_from(rounded).unwrap_or(0x7c00)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_half_survives_the_way_to_single_and_back() {
        for half in 0..=u16::MAX {
            let single = from_half(half);
            if single.is_nan() {
                assert_eq!(to_half(single) & 0x7c00, 0x7c00);
            } else {
                assert_eq!(to_half(single), half, "{half:#06x}");
            }
        }
        assert_eq!(from_half(0x3c00).to_bits(), 1.0_f32.to_bits());
        assert_eq!(from_half(0x0001).to_bits(), 2.0_f32.powi(-24).to_bits());
    }

    #[test]
    fn a_single_rounds_to_the_nearest_half_with_ties_to_even() {
        let step = 2.0_f32.powi(-10);
        assert_eq!(to_half(1.0 + step / 2.0), 0x3c00);
        assert_eq!(to_half(1.0 + step * 1.5), 0x3c02);
        assert_eq!(to_half(1.0 + step * 0.51), 0x3c01);
        assert_eq!(to_half(65_520.0), 0x7c00);
        assert_eq!(to_half(-2.0), 0xc000);
    }

    #[test]
    fn a_file_cut_anywhere_is_an_error_and_never_a_panic() {
        let mut file = Vec::new();
        file.extend(6_u32.to_le_bytes());
        file.extend([2, 0, b'W', 0]);
        file.extend(3_u32.to_le_bytes());
        file.extend(1_u32.to_le_bytes());
        file.extend([2, 0, b'x', 0, 1]);
        file.extend(2_u32.to_le_bytes());
        file.push(F16);
        file.extend(4_u32.to_le_bytes());
        file.extend([0x00, 0x3c, 0x00, 0xc0]);
        assert_eq!(read(&file).unwrap()["x"].values().unwrap(), vec![1.0, -2.0]);
        for length in 0..file.len() {
            assert!(read(&file[..length]).is_err(), "{length} bytes");
        }
    }
}
