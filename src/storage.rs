//! Places for whole files: a folder, a bucket of Google Cloud Storage, or memory for desks without a folder.
//!
//! A name is written once and never changed, so nothing here asks for conditions that a folder cannot keep. It knows nothing of
//! what the files are. Called by attachments and backups.

use std::ops::Range;
use std::path::Path as FilePath;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt as _, TryStreamExt as _};
use object_store::buffered::BufWriter;
use object_store::gcp::{GcpCredential, GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{
    ClientOptions, GetOptions, GetRange, ObjectStore, ObjectStoreExt as _, RetryConfig, StaticCredentialProvider,
};
use tokio::io::AsyncWriteExt as _;

use crate::config;

/// How long a call to the bucket is tried again before it is a failure.
const PATIENCE: Duration = Duration::from_secs(30);

/// A place that was opened. Cheap to clone.
#[derive(Clone)]
pub struct Storage {
    store: Arc<dyn ObjectStore>,
    shown: Arc<str>,
}

#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    #[error("there is no `{0}`")]
    Absent(String),
    #[error("there is no room")]
    Full,
    #[error("{0}")]
    Failed(String),
}

/// A file, or the part of one that was asked for.
pub struct Got {
    /// Of the whole file.
    pub size: u64,
    pub range: Range<u64>,
    pub stream: BoxStream<'static, Result<Bytes, StorageError>>,
}

/// A file that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    pub name: String,
    pub size: u64,
}

impl Storage {
    /// `gs://BUCKET/PREFIX`, or a folder, which is made.
    ///
    /// # Errors
    /// When the folder cannot be made, or the address or the credentials cannot be used.
    pub fn open(place: &str, settings: &config::Storage) -> Result<Self, StorageError> {
        let Some(address) = place.strip_prefix("gs://") else { return Self::folder(FilePath::new(place)) };
        let (bucket, prefix) = address.split_once('/').unwrap_or((address, ""));
        crate::outgoing::choose_cryptography();
        let mut builder = GoogleCloudStorageBuilder::new()
            .with_bucket_name(bucket)
            .with_retry(RetryConfig { retry_timeout: PATIENCE, ..RetryConfig::default() });
        if !settings.google_credentials.as_os_str().is_empty() {
            builder = builder.with_service_account_path(settings.google_credentials.to_string_lossy());
        }
        if !settings.google_endpoint.is_empty() {
            // A stand-in takes anybody.
            builder = builder
                .with_config(GoogleConfigKey::BaseUrl, &settings.google_endpoint)
                .with_client_options(ClientOptions::new().with_allow_http(true))
                .with_credentials(Arc::new(StaticCredentialProvider::new(GcpCredential { bearer: "nobody".into() })));
        }
        let store = builder.build().map_err(failed)?;
        let prefix = prefix.trim_matches('/');
        let store: Arc<dyn ObjectStore> =
            if prefix.is_empty() { Arc::new(store) } else { Arc::new(PrefixStore::new(store, prefix)) };
        Ok(Self { store, shown: place.into() })
    }

    /// What is written is synced before it counts as written.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn folder(folder: &FilePath) -> Result<Self, StorageError> {
        std::fs::create_dir_all(folder).map_err(|error| from_io(&error))?;
        let store = LocalFileSystem::new_with_prefix(folder).map_err(failed)?.with_fsync(true);
        Ok(Self { store: Arc::new(store), shown: folder.display().to_string().into() })
    }

    pub fn memory() -> Self {
        Self { store: Arc::new(InMemory::new()), shown: "memory".into() }
    }

    /// As it was named in the configuration.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// # Errors
    /// When it cannot be written.
    pub async fn put(&self, name: &str, bytes: Bytes) -> Result<(), StorageError> {
        self.store.put(&path(name)?, bytes.into()).await.map(drop).map_err(failed)
    }

    /// Copies a file there, a piece at a time. A copy that breaks off leaves nothing under the name.
    ///
    /// # Errors
    /// When it cannot be read or written.
    pub async fn put_file(&self, name: &str, file: &FilePath) -> Result<(), StorageError> {
        let mut file = tokio::fs::File::open(file).await.map_err(|error| from_io(&error))?;
        let mut writer = BufWriter::new(Arc::clone(&self.store), path(name)?);
        let copied = async {
            tokio::io::copy(&mut file, &mut writer).await?;
            writer.shutdown().await
        };
        copied.await.map_err(|error| from_io(&error))
    }

    /// # Errors
    /// [`StorageError::Absent`] where there is none.
    pub async fn get(&self, name: &str, range: Option<Range<u64>>) -> Result<Got, StorageError> {
        let options = GetOptions { range: range.map(GetRange::Bounded), ..GetOptions::default() };
        let got = self.store.get_opts(&path(name)?, options).await.map_err(failed)?;
        let (size, range) = (got.meta.size, got.range.clone());
        Ok(Got { size, range, stream: got.into_stream().map_err(failed).boxed() })
    }

    /// The whole file, for small ones.
    ///
    /// # Errors
    /// [`StorageError::Absent`] where there is none.
    pub async fn read(&self, name: &str) -> Result<Bytes, StorageError> {
        let got = self.store.get(&path(name)?).await.map_err(failed)?;
        got.bytes().await.map_err(failed)
    }

    /// Whether it is there, and how large.
    ///
    /// # Errors
    /// When that cannot be found out.
    pub async fn size(&self, name: &str) -> Result<Option<u64>, StorageError> {
        match self.store.head(&path(name)?).await.map_err(failed) {
            Ok(meta) => Ok(Some(meta.size)),
            Err(StorageError::Absent(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Removes it; that there is none is no error.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub async fn delete(&self, name: &str) -> Result<(), StorageError> {
        match self.store.delete(&path(name)?).await.map_err(failed) {
            Ok(()) | Err(StorageError::Absent(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Everything whose name begins with the folder `prefix`, by name.
    ///
    /// # Errors
    /// When the place cannot be read.
    pub async fn list(&self, prefix: &str) -> Result<Vec<Listed>, StorageError> {
        let prefix = path(prefix)?;
        let found = self.store.list(Some(&prefix));
        let mut found: Vec<Listed> = found
            .map_ok(|meta| Listed { name: meta.location.to_string(), size: meta.size })
            .try_collect()
            .await
            .map_err(failed)?;
        found.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        Ok(found)
    }
}

fn path(name: &str) -> Result<Path, StorageError> {
    Path::parse(name).map_err(|error| StorageError::Failed(error.to_string()))
}

fn failed(error: object_store::Error) -> StorageError {
    match error {
        object_store::Error::NotFound { path, .. } => StorageError::Absent(path),
        other if is_full(&other) => StorageError::Full,
        other => StorageError::Failed(other.to_string()),
    }
}

fn from_io(error: &std::io::Error) -> StorageError {
    if is_full(error) { StorageError::Full } else { StorageError::Failed(error.to_string()) }
}

/// Somewhere under the error a disk said that it is full.
fn is_full(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.downcast_ref::<std::io::Error>().is_some_and(|error| {
            matches!(error.kind(), std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded)
        }) {
            return true;
        }
        cause = error.source();
    }
    false
}
