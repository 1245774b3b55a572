//! G.711 by table, into buffers of the caller: no allocation, no state.

use super::AudioCodec;
use audio_codec::{Decoder, Encoder, pcma, pcmu};

/// Octets written: as many as both slices have room for, one a sample.
pub fn encode(codec: AudioCodec, samples: &[i16], out: &mut [u8]) -> usize {
    let count = samples.len().min(out.len());
    let (samples, out) = (&samples[..count], &mut out[..count]);
    match codec {
        AudioCodec::Pcmu => pcmu::PcmuEncoder::new().encode_into(samples, out),
        AudioCodec::Pcma => pcma::PcmaEncoder::new().encode_into(samples, out),
    }
    .unwrap_or(0)
}

/// Samples written: as many as both slices have room for, one an octet. Never `i16::MIN`.
pub fn decode(codec: AudioCodec, octets: &[u8], out: &mut [i16]) -> usize {
    let count = octets.len().min(out.len());
    let (octets, out) = (&octets[..count], &mut out[..count]);
    match codec {
        AudioCodec::Pcmu => pcmu::PcmuDecoder::new().decode_into(octets, out),
        AudioCodec::Pcma => pcma::PcmaDecoder::new().decode_into(octets, out),
    }
    .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_survives_a_round_and_none_is_the_gap_mark() {
        let codes: Vec<u8> = (0..=255).collect();
        for codec in [AudioCodec::Pcmu, AudioCodec::Pcma] {
            let mut samples = [0; 256];
            let mut again = [0; 256];
            let mut twice = [0; 256];
            assert_eq!(decode(codec, &codes, &mut samples), 256);
            encode(codec, &samples, &mut again);
            decode(codec, &again, &mut twice);
            // One step at the zero crossing is the crate's freedom: A-law has two smallest codes.
            assert!(samples.iter().zip(&twice).all(|(sample, again)| sample.abs_diff(*again) <= 16), "{codec:?}");
            assert!(samples.iter().all(|sample| *sample != i16::MIN));
        }
    }

    #[test]
    fn values_of_the_standard() {
        let mut out = [0; 2];
        encode(AudioCodec::Pcmu, &[0, -32_768], &mut out);
        assert_eq!(out, [0xff, 0x00]);
        encode(AudioCodec::Pcma, &[0, 32_767], &mut out);
        assert_eq!(out, [0xd5, 0xaa]);
    }

    #[test]
    fn a_short_buffer_is_filled_and_no_more() {
        assert_eq!(decode(AudioCodec::Pcma, &[0; 10], &mut [0; 4]), 4);
        assert_eq!(encode(AudioCodec::Pcmu, &[0; 3], &mut [0; 4]), 3);
    }
}
