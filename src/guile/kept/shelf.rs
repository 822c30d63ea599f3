//! The folder in which what modules expand to is kept, a file for each.
//!
//! A file is written beside its place and moved there, so that readers see all of it or
//! nothing, and processes that write the same one do not meet. It begins with a digest of
//! the rest: what is torn or altered is not believed. What cannot be read or written is
//! nobody's trouble: the module is expanded as if nothing had been kept.

use crate::data::native::{Native, NativeModule};
use crate::namespace::modules::Digest;
use sha2::{Digest as _, Sha256};
use std::cell::{OnceCell, RefCell};
use std::collections::HashSet;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// What the files of this form begin with.
const MARK: &[u8; 8] = b"fruixscm";

/// How much may be kept; beyond that the oldest goes.
pub const MOST_BYTES: u64 = 256 << 20;

/// The largest file that is read.
const LARGEST: u64 = 64 << 20;

/// How long a file that nobody has finished stays.
const UNFINISHED: Duration = Duration::from_secs(3600);

/// What was built when this binary was: its sources and what they carry.
const BUILD: &str = include_str!(concat!(env!("OUT_DIR"), "/build_identity"));

/// A digest of PARTS, which of them is which included.
pub fn digest<'p>(parts: impl IntoIterator<Item = &'p [u8]>) -> Digest {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// What is in a folder of this kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    pub modules: usize,
    pub bytes: u64,
}

/// What FOLDER has, finished or not; nothing where it is not there.
pub fn contents(folder: &Path) -> std::io::Result<Contents> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(Contents::default());
        }
        entries => entries?,
    };
    let mut contents = Contents::default();
    for about in entries.flatten().filter_map(|entry| entry.metadata().ok()) {
        if about.is_file() {
            contents.modules += 1;
            contents.bytes += about.len();
        }
    }
    Ok(contents)
}

/// The folder.
pub struct Shelf {
    folder: PathBuf,
    /// The natives that this process has besides the language's own, and a digest of what
    /// is said of them, for whoever keeps a module: a start that does not is not to wait.
    natives: Vec<&'static [Native]>,
    digest_of_natives: OnceCell<Digest>,
    /// What this process has found not to be true any more.
    dropped: RefCell<HashSet<Digest>>,
}

impl Shelf {
    /// The one at FOLDER, which is made when something is put there, for interpreters that
    /// have NATIVES: what these give decides how calls of them are compiled.
    pub fn at(folder: &Path, natives: &[NativeModule]) -> Shelf {
        Shelf {
            natives: natives.iter().map(|module| module.natives).collect(),
            digest_of_natives: OnceCell::new(),
            folder: folder.to_owned(),
            dropped: RefCell::default(),
        }
    }

    /// What the file of TEXT, called NAME, that defines MODULE is known by.
    pub fn key(&self, name: &str, module: &str, text: &str) -> Digest {
        let texts = [BUILD, name, module, text].map(str::as_bytes);
        digest(texts.into_iter().chain([&self.digest_of_natives()[..]]))
    }

    fn digest_of_natives(&self) -> &Digest {
        self.digest_of_natives.get_or_init(|| {
            let mut said = String::new();
            for native in self.natives.iter().copied().flatten() {
                let (name, arity, several) = (native.name, native.arity, native.gives_several);
                said.push_str(&format!("{name} {arity:?} {several}\n"));
            }
            digest([said.as_bytes()])
        })
    }

    fn path(&self, key: &Digest) -> PathBuf {
        let name: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        self.folder.join(name)
    }

    /// What has been put under KEY.
    pub fn take(&self, key: &Digest) -> Option<Vec<u8>> {
        if self.dropped.borrow().contains(key) {
            return None;
        }
        let file = fs::File::open(self.path(key)).ok()?;
        let about = file.metadata().ok()?;
        // Another user's word on what to run is not taken.
        // SAFETY: asks only who we are.
        let own = about.uid() == unsafe { libc::geteuid() };
        if !own || !about.is_file() || about.len() > LARGEST {
            return None;
        }
        let mut bytes = Vec::with_capacity(about.len() as usize + 1);
        file.take(LARGEST + 1).read_to_end(&mut bytes).ok()?;
        let rest = bytes.strip_prefix(MARK)?;
        let (said, content) = rest.split_at_checked(size_of::<Digest>())?;
        (said == digest([&key[..], content])).then(|| content.to_vec())
    }

    /// Put CONTENT under KEY, if that can be done.
    pub fn put(&self, key: &Digest, content: &[u8]) {
        if self.try_to_put(key, content).is_err() {
            // It stays as it was: nothing depends on it.
        }
    }

    fn try_to_put(&self, key: &Digest, content: &[u8]) -> std::io::Result<()> {
        if content.len() as u64 > LARGEST / 2 {
            return Ok(());
        }
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.folder)?;
        let mut file = tempfile::Builder::new()
            .prefix(".new-")
            .tempfile_in(&self.folder)?;
        file.write_all(MARK)?;
        file.write_all(&digest([&key[..], content]))?;
        file.write_all(content)?;
        file.persist(self.path(key)).map_err(|error| error.error)?;
        Ok(())
    }

    /// Take away what is kept under KEY: it is not true any more.
    pub fn forget(&self, key: &Digest) {
        self.dropped.borrow_mut().insert(*key);
        let _it_may_be_gone = fs::remove_file(self.path(key));
    }

    /// Remove what nobody has finished and, where there is too much, what is oldest.
    pub fn sweep(&self) {
        let Ok(entries) = fs::read_dir(&self.folder) else {
            return;
        };
        let mut kept: Vec<(SystemTime, u64, PathBuf)> = Vec::new();
        for entry in entries.flatten() {
            let Ok(about) = entry.metadata() else {
                continue;
            };
            let (Ok(since), true) = (about.modified(), about.is_file()) else {
                continue;
            };
            let unfinished = entry.file_name().to_string_lossy().starts_with(".new-");
            let old = since.elapsed().is_ok_and(|age| age > UNFINISHED);
            if unfinished && old {
                let _it_may_be_gone = fs::remove_file(entry.path());
            } else if !unfinished {
                kept.push((since, about.len(), entry.path()));
            }
        }
        let mut bytes: u64 = kept.iter().map(|(_, length, _)| length).sum();
        kept.sort();
        for (_, length, path) in kept {
            if bytes <= MOST_BYTES {
                break;
            }
            let _it_may_be_gone = fs::remove_file(path);
            bytes -= length;
        }
    }
}
