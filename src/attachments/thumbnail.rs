//! Small pictures of pictures. Decoding what strangers send is bounded in pixels and memory; whatever cannot be decoded within
//! that has no small picture, and that is all. Runs on threads that may block.

use std::io::Cursor;
use std::path::Path;

use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageDecoder as _, ImageFormat, ImageReader, Limits};

/// Of those who are made from something opaque.
const JPEG_QUALITY: u8 = 80;
/// Beside the pixels themselves.
const WORK_BYTES: u64 = 32 << 20;

/// At most `side_px` wide and high, as PNG or JPEG, turned as the camera was held. Nothing else of the original is in it: no place,
/// no camera. `None` for what is no PNG, JPEG, GIF or WebP, is broken, or has more than `pixels`.
pub fn make(file: &Path, pixels: u64, side_px: u32) -> Option<Vec<u8>> {
    let mut reader = ImageReader::open(file).ok()?.with_guessed_format().ok()?;
    let format = reader.format()?;
    if !matches!(format, ImageFormat::Png | ImageFormat::Jpeg | ImageFormat::Gif | ImageFormat::WebP) {
        return None;
    }
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(pixels.saturating_mul(8).saturating_add(WORK_BYTES));
    reader.limits(limits);
    let mut decoder = reader.into_decoder().ok()?;
    // What the head promises is looked at before a pixel is unpacked.
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > pixels {
        return None;
    }
    let orientation = decoder.orientation().ok();
    let mut picture = DynamicImage::from_decoder(decoder).ok()?;
    if let Some(orientation) = orientation {
        picture.apply_orientation(orientation);
    }
    if picture.width() > side_px || picture.height() > side_px {
        picture = picture.thumbnail(side_px, side_px);
    }
    let mut out = Cursor::new(Vec::new());
    if picture.color().has_alpha() {
        DynamicImage::ImageRgba8(picture.into_rgba8()).write_to(&mut out, ImageFormat::Png).ok()?;
    } else {
        picture.into_rgb8().write_with_encoder(JpegEncoder::new_with_quality(&mut out, JPEG_QUALITY)).ok()?;
    }
    Some(out.into_inner())
}

#[cfg(test)]
mod tests {
    use image::{Rgba, RgbaImage};

    use super::*;

    fn written(bytes: &[u8]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        file
    }

    fn picture(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
        let mut out = Cursor::new(Vec::new());
        let picture = DynamicImage::ImageRgba8(RgbaImage::from_pixel(width, height, Rgba([200, 10, 10, 255])));
        if format == ImageFormat::Jpeg {
            picture.into_rgb8().write_to(&mut out, format).unwrap();
        } else {
            picture.write_to(&mut out, format).unwrap();
        }
        out.into_inner()
    }

    /// U4: a picture has a small one in its proportions; a small one is not made larger.
    #[test]
    fn u4_pictures_become_small() {
        for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Gif, ImageFormat::WebP] {
            let small = make(written(&picture(800, 400, format)).path(), 1_000_000, 200).expect("a small picture");
            let small = image::load_from_memory(&small).unwrap();
            assert_eq!((small.width(), small.height()), (200, 100), "{format:?}");
        }
        let same = make(written(&picture(20, 10, ImageFormat::Png)).path(), 1_000_000, 200).unwrap();
        assert_eq!(image::load_from_memory(&same).unwrap().width(), 20);
    }

    /// X87: a picture of more pixels than allowed is not unpacked, and what is broken or lies about itself is harmless.
    #[test]
    fn x87_bombs_are_not_unpacked() {
        assert!(make(written(&picture(300, 300, ImageFormat::Png)).path(), 89_999, 200).is_none());
        // 50,000 × 50,000 pixels in a head, and nothing behind it.
        let mut bomb = picture(8, 8, ImageFormat::Png);
        bomb[16..20].copy_from_slice(&50_000u32.to_be_bytes());
        bomb[20..24].copy_from_slice(&50_000u32.to_be_bytes());
        assert!(make(written(&bomb).path(), 24_000_000, 200).is_none());
        let whole = picture(300, 300, ImageFormat::Jpeg);
        assert!(make(written(&whole[..40]).path(), 1_000_000, 200).is_none());
        for junk in [&b""[..], b"GIF89a", b"<svg/>", b"RIFF\xff\xff\xff\xffWEBPVP8 ", b"\x89PNG\r\n\x1a\n"] {
            assert!(make(written(junk).path(), 1_000_000, 200).is_none());
        }
    }
}
