//! The hint that a buffer should lie in large pages: filling it takes one page fault in place of hundreds.
#![allow(unsafe_code, reason = "the hint takes a raw pointer")]

/// Prefers large pages for a buffer that is to be filled. Where there are none, nothing changes.
#[cfg(target_os = "linux")]
pub fn prefer(buffer: &mut [f32]) {
    use rustix::{
        mm::{Advice, madvise},
        param::page_size,
    };

    let start = buffer.as_mut_ptr().cast::<u8>();
    let before_page = start.align_offset(page_size());
    let Some(n_bytes) = size_of_val(buffer).checked_sub(before_page) else { return };
    // SAFETY: the pages from the first whole one on lie in the buffer, which is ours alone; the hint changes no content.
    let _ = unsafe { madvise(start.add(before_page).cast(), n_bytes, Advice::LinuxHugepage) };
}

#[cfg(not(target_os = "linux"))]
pub fn prefer(_: &mut [f32]) {}
