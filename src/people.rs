//! Who may come in: users, their sessions and tokens, the first administrator, and answers to keyed requests about them.
//!
//! With them lies what people keep beside the tickets: preferences, shared views and macros, the desk's settings, and the links
//! by which customers follow their requests.
//!
//! Everything lies in memory and, before anybody hears of it, in the journal's asides (`users/`, `tokens/`, `sessions/`,
//! `answers/`, …), but for preferences and links, which are read when they are asked for; secrets only as hashes. It decides who somebody is and whether that still holds, never what they may do with
//! a ticket: that is the domain's. Called by `http`, by the WebSocket's handshake, and by the ticket actors through
//! [`crate::domain::rules::People`].

mod account;
mod answers;
mod attempts;
mod credential;
mod desk_settings;
mod first;
mod invitations;
mod password;
mod preferences;
mod request_links;
mod revisions;
mod secret;
mod sessions;
mod shared;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use arc_swap::ArcSwap;
use dashmap::DashMap;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

pub use account::{Account, StoredUser};
pub use answers::Keyed;
pub use credential::{Allowance, Credential, Kind, Place, State};
pub use first::{AdminSeed, SeedError};
pub use request_links::{message_key, no_link};
pub use revisions::Revisions;

use account::{Check, email_key};
use answers::{Answers, Remembered, fingerprint};
use attempts::Attempts;
use credential::{Grant, Scopes, Use};
use desk_settings::Kept;
use invitations::Invitations;
use password::{Hasher, Phc};
use secret::Digest;
use shared::Shelf;

use crate::clock::Clock;
use crate::config::Config;
use crate::domain::ids::{CommandId, UserId, Version};
use crate::domain::permissions::{Permission, Principal, PrivateTeams, Role};
use crate::domain::time::Timestamp;
use crate::journal::writer::{AppendError, WriterHandle};
use crate::journal::{Aside, Journal, JournalError};
use crate::protocol::code::Code;
use crate::protocol::keys::{Keys, Pass, reused};
use crate::protocol::problem::Problem;
use crate::protocol::views::{CreateToken, CreateUser, NewToken, PersonView, Setup, TokenView, UpdateUser, UserView};

const USERS: &str = "users/";
const TOKENS: &str = "tokens/";
const SESSIONS: &str = "sessions/";

/// Browsers that one user may be signed in with; the oldest is signed out for another one.
const SESSIONS_EACH: usize = 50;
/// Tokens that one user may have.
const TOKENS_EACH: usize = 200;
const TOKEN_NAME_CHARS: usize = 100;

/// A random number for one use, in hex.
pub fn nonce() -> String {
    secret::fresh("")
}

/// Everybody who may come in. One for the whole server, behind an `Arc`.
pub struct People {
    journal: Arc<dyn Journal>,
    writer: WriterHandle,
    clock: Clock,
    settings: Settings,
    hasher: Hasher,
    attempts: Attempts,
    answers: Answers,
    keys: Arc<Keys>,
    accounts: DashMap<UserId, Arc<Account>>,
    by_email: DashMap<String, UserId>,
    /// By the digest of the cookie or the token.
    grants: DashMap<Digest, Arc<Grant>>,
    /// Held by whoever changes users or grants, so that what is checked still holds when it is written, and so that a repeat
    /// waits for the first.
    changing: tokio::sync::Mutex<()>,
    invitations: Invitations,
    shelf: Shelf,
    /// What administrators set while the desk runs.
    kept: ArcSwap<Kept>,
    changes: watch::Sender<u64>,
    revisions: Arc<Revisions>,
    /// The one-time secret of the first set-up, while there is no administrator.
    setup_secret: Mutex<Option<String>>,
}

struct Settings {
    session_ms: i64,
    password_min_chars: usize,
    invitation_ms: i64,
    /// Calls a second of one credential.
    calls_per_s: u32,
    teams: Vec<String>,
    private: PrivateTeams,
}

/// A browser that has just signed in.
pub struct SignedIn {
    /// The cookie's value; shown this once.
    pub secret: String,
    pub lasts_ms: i64,
    pub user: UserView,
}

/// Somebody who gave the password that was the account's a moment ago.
pub struct Proven {
    account: Arc<Account>,
    password: Option<Phc>,
    /// The address that was given, as failures are counted by.
    key: String,
}

impl Proven {
    /// Whether it would let them in now: neither another password was set meanwhile nor the account deactivated.
    fn holds(&self) -> bool {
        let user = self.account.user();
        user.active && user.password == self.password
    }
}

/// Why nobody was signed in.
#[derive(Debug)]
pub enum SignInRefused {
    /// Too many failures: not before so many milliseconds.
    TooMany {
        retry_after_ms: i64,
    },
    Problem(Problem),
}

impl From<Problem> for SignInRefused {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Seed(#[from] SeedError),
    #[error("the first administrator could not be made: {0}")]
    Refused(#[from] Problem),
}

#[derive(Serialize, Deserialize)]
struct StoredSession {
    user: UserId,
    created_at: Timestamp,
    expires_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    address: Option<IpAddr>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    client: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct StoredToken {
    id: String,
    user: UserId,
    name: String,
    digest: String,
    created_at: Timestamp,
    expires_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scopes: Option<Vec<Permission>>,
}

impl People {
    /// Reads everybody from the journal and sees to the first administrator.
    pub async fn open(
        journal: Arc<dyn Journal>,
        writer: WriterHandle,
        config: &Config,
        clock: Clock,
        seed: &AdminSeed,
    ) -> Result<Arc<Self>, OpenError> {
        seed.check(config.people.password_min_chars)?;
        let people = Self {
            revisions: Arc::new(Revisions::new(clock.now_millis())),
            answers: Answers::open(journal.clone(), config.journal.remember_commands_ms)?,
            keys: Arc::default(),
            journal,
            writer,
            clock,
            settings: Settings {
                session_ms: config.people.session_ms,
                password_min_chars: config.people.password_min_chars,
                invitation_ms: config.people.invitation_ms,
                calls_per_s: config.limits.calls_per_s,
                teams: config.desk.teams.iter().map(|team| team.id.clone()).collect(),
                private: PrivateTeams::new(
                    config.desk.teams.iter().filter(|team| team.private).map(|team| team.id.clone()),
                ),
            },
            hasher: Hasher::new(config.people.hashing),
            attempts: Attempts::default(),
            accounts: DashMap::new(),
            by_email: DashMap::new(),
            grants: DashMap::new(),
            changing: tokio::sync::Mutex::new(()),
            invitations: Invitations::default(),
            shelf: Shelf::default(),
            kept: ArcSwap::default(),
            changes: watch::Sender::new(0),
            setup_secret: Mutex::new(None),
        };
        people.load()?;
        people.sweep().await?;
        people.plant(seed).await?;
        Ok(Arc::new(people))
    }

    /// Ticks whenever a user, a session or a token changes: ask the credentials for their state.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Other numbers after each change of what lies beside the tickets.
    pub fn revisions(&self) -> Arc<Revisions> {
        Arc::clone(&self.revisions)
    }

    /// The secret for `/setup?token=…`, while the desk has no administrator. Print it, never log it.
    pub fn setup_secret(&self) -> Option<String> {
        self.setup_secret.lock().clone()
    }

    /// Drops what has expired, from memory and from the journal. Called at the start and every hour or so.
    pub async fn sweep(&self) -> Result<(), Problem> {
        let _changing = self.changing.lock().await;
        let now = self.now();
        let mut expired = Vec::new();
        for entry in &self.grants {
            // Tokens outlived their users once.
            let is_left = entry.kind == Kind::Token && !entry.given && !entry.account.is_active();
            if is_left || entry.expires_at.is_some_and(|at| at <= now) {
                expired.push((*entry.key(), entry.value().clone()));
            }
        }
        let mut asides: Vec<Aside> = expired.iter().map(|(_, grant)| removal(grant)).collect();
        asides.extend(self.answers.outdated(now).map_err(unreadable)?);
        asides.extend(self.invitations.outdated(now));
        self.keep(asides).await?;
        self.answers.forget(now);
        self.invitations.forget(now);
        if !expired.is_empty() {
            self.drop_grants(&expired);
        }
        Ok(())
    }
}

/// Coming in.
impl People {
    /// Checks address and password, and starts a session that is new, whatever cookie the browser came with: `before` is
    /// ended. `place` has the caller's address, for counting failures.
    pub async fn sign_in(
        self: &Arc<Self>,
        email: &str,
        password: &str,
        place: Place,
        before: Option<&str>,
    ) -> Result<SignedIn, SignInRefused> {
        let proven = self.prove(email, password, place.address).await?;
        let (people, before) = (self.clone(), before.map(str::to_owned));
        Ok(whole(async move { people.admit(proven, place, before).await }).await?)
    }

    /// The first half of signing in: checks address and password, which takes a while.
    pub async fn prove(&self, email: &str, password: &str, from: Option<IpAddr>) -> Result<Proven, SignInRefused> {
        let key = email_key(email);
        let now = self.clock.now_millis();
        let account = self.by_email.get(&key).map(|id| id.clone()).and_then(|id| self.account(&id));
        let at_home = account.as_ref().is_some_and(|account| self.is_home(account, from));
        self.attempts
            .begin(&key, from, at_home, now)
            .map_err(|retry_after_ms| SignInRefused::TooMany { retry_after_ms })?;
        let stored = account.as_ref().and_then(|account| account.user().password.clone());
        // What is too long to be a password costs no hashing, and says nothing about the account.
        let fits = password.chars().count() <= password::MAX_CHARS;
        let password = if fits { password.to_owned() } else { String::new() };
        let right = match self.hasher.check(password, stored.clone()).await {
            Ok(right) => right && fits,
            Err(problem) => {
                self.attempts.undecided(&key, from);
                return Err(problem.into());
            }
        };
        let proven = account.filter(|_| right).map(|account| Proven { account, password: stored, key });
        Ok(proven.filter(Proven::holds).ok_or_else(wrong_password)?)
    }

    /// The second half: starts the session, if what was proven still holds.
    pub async fn admit(&self, proven: Proven, place: Place, before: Option<String>) -> Result<SignedIn, Problem> {
        let _changing = self.changing.lock().await;
        if !proven.holds() {
            return Err(wrong_password());
        }
        self.attempts.succeeded(&proven.key, place.address);
        self.start_session(proven.account, place, before.as_deref().map(Digest::of)).await
    }

    /// Whether the account is signed in from this address already: a flood of failures from elsewhere does not shut it out.
    fn is_home(&self, account: &Arc<Account>, from: Option<IpAddr>) -> bool {
        let now = self.now();
        from.is_some()
            && self.grants.iter().any(|grant| {
                grant.kind == Kind::Cookie
                    && grant.place.address == from
                    && Arc::ptr_eq(&grant.account, account)
                    && grant.is_good(now)
            })
    }

    /// Whom a session cookie stands for. `None`: nobody, or not any more.
    pub fn by_cookie(&self, secret: &str) -> Option<Arc<Credential>> {
        self.credential(secret, Kind::Cookie)
    }

    /// Whom a bearer token stands for.
    pub fn by_token(&self, token: &str) -> Option<Arc<Credential>> {
        self.credential(token, Kind::Token)
    }

    /// Ends a browser's session; every socket that it opened ends with it. A token is not ended by signing out.
    pub async fn sign_out(self: &Arc<Self>, credential: &Credential) -> Result<(), Problem> {
        if credential.kind() != Kind::Cookie {
            return Ok(());
        }
        let (people, id) = (self.clone(), credential.grant.id.clone());
        whole(async move {
            let _changing = people.changing.lock().await;
            let ended = people.grants_where(|grant| grant.kind == Kind::Cookie && grant.id == id);
            people.end(&ended, Vec::new()).await
        })
        .await
    }

    /// Makes the first administrator and signs the browser in.
    pub async fn set_up(self: &Arc<Self>, body: Setup, place: Place) -> Result<SignedIn, Problem> {
        let people = self.clone();
        whole(async move { people.set_up_whole(body, place).await }).await
    }

    async fn set_up_whole(&self, body: Setup, place: Place) -> Result<SignedIn, Problem> {
        let _changing = self.changing.lock().await;
        let expected = self.setup_secret();
        let Some(expected) = expected else {
            return Err(Problem::new(Code::SetupDone, "the desk has its first administrator already"));
        };
        if !Digest::of(&expected).matches(&body.token) {
            return Err(Problem::new(Code::WrongCredentials, "this is not the secret that the server printed"));
        }
        let user = CreateUser {
            email: body.email,
            name: body.name,
            role: Role::Admin,
            password: Some(body.password),
            teams: None,
            service: None,
        };
        let user = self.checked(&user).await?;
        let account = self.add(user, None).await?;
        *self.setup_secret.lock() = None;
        self.start_session(account, place, None).await
    }

    fn credential(&self, secret: &str, kind: Kind) -> Option<Arc<Credential>> {
        let grant = self.grants.get(&Digest::of(secret)).map(|grant| grant.clone())?;
        (grant.kind == kind && grant.is_good(self.now())).then(|| Arc::new(Credential::new(grant, self.clock.clone())))
    }

    async fn start_session(
        &self,
        account: Arc<Account>,
        place: Place,
        before: Option<Digest>,
    ) -> Result<SignedIn, Problem> {
        let now = self.now();
        let user = account.user();
        let mut earlier =
            self.grants_where(|grant| grant.kind == Kind::Cookie && Arc::ptr_eq(&grant.account, &account));
        earlier.sort_by_key(|(_, grant)| grant.created_at);
        earlier.truncate((earlier.len() + 1).saturating_sub(SESSIONS_EACH));
        if let Some(digest) = before
            && let Some(grant) = self.grants.get(&digest).filter(|grant| grant.kind == Kind::Cookie)
            && !earlier.iter().any(|(own, _)| *own == digest)
        {
            earlier.push((digest, grant.clone()));
        }

        let secret = secret::fresh("");
        let digest = Digest::of(&secret);
        let expires_at = now.plus_millis(self.settings.session_ms);
        let stored = StoredSession {
            user: user.id.clone(),
            created_at: now,
            expires_at,
            address: place.address,
            client: place.client,
        };
        let aside = put(format!("{SESSIONS}{digest}"), &stored);
        self.end(&earlier, vec![aside]).await?;
        self.grants.insert(digest, Arc::new(session(&digest, &stored, account, self.settings.calls_per_s)));
        Ok(SignedIn { secret, lasts_ms: self.settings.session_ms, user: user.view() })
    }
}

/// Users.
impl People {
    pub fn account(&self, id: &UserId) -> Option<Arc<Account>> {
        self.accounts.get(id).map(|account| account.clone())
    }

    /// Whose address this is.
    pub fn find(&self, email: &str) -> Option<UserId> {
        self.by_email.get(&email_key(email)).map(|id| id.clone())
    }

    /// In the order in which they were made.
    pub fn users(&self) -> Vec<UserView> {
        self.stored_users().iter().map(|user| user.view()).collect()
    }

    /// In the order in which they were made.
    pub fn people(&self) -> Vec<PersonView> {
        self.stored_users().iter().map(|user| user.person()).collect()
    }

    /// Makes a user. `by` has the permission already.
    pub async fn create(
        self: &Arc<Self>,
        by: &Arc<Principal>,
        body: CreateUser,
        keyed: Option<Keyed>,
    ) -> Result<UserView, Problem> {
        let pass = self.enter(by, keyed.as_ref(), &body).await?;
        let (people, by) = (self.clone(), by.clone());
        whole(async move {
            let _pass = pass;
            people.create_whole(&by, body, keyed).await
        })
        .await
    }

    async fn create_whole(&self, by: &Principal, body: CreateUser, keyed: Option<Keyed>) -> Result<UserView, Problem> {
        let _changing = self.changing.lock().await;
        let print = CreateUser { password: body.password.as_ref().map(|_| String::new()), ..body.clone() };
        let repeat = self.repeat(by, keyed.as_ref(), &print, body.password.as_deref()).await?;
        let print = match repeat {
            Repeat::Answer(user) => return Ok(user),
            Repeat::New(print) => print,
        };
        let user = self.checked(&body).await?;
        let view = user.view();
        let remembered = keyed.map(|keyed| self.answer(by, keyed, print, user.password.clone(), &view));
        self.add(user, remembered).await?;
        Ok(view)
    }

    /// Changes a user. Less of a role, or none, takes effect in open sessions at once; another password ends them, and whoever
    /// is deactivated has no session and no token left.
    pub async fn update(
        self: &Arc<Self>,
        by: &Arc<Principal>,
        id: &UserId,
        body: UpdateUser,
        keyed: Option<Keyed>,
    ) -> Result<UserView, Problem> {
        let pass = self.enter(by, keyed.as_ref(), &body).await?;
        let (people, by, id) = (self.clone(), by.clone(), id.clone());
        whole(async move {
            let _pass = pass;
            people.update_whole(&by, &id, body, keyed).await
        })
        .await
    }

    async fn update_whole(
        &self,
        by: &Principal,
        id: &UserId,
        body: UpdateUser,
        keyed: Option<Keyed>,
    ) -> Result<UserView, Problem> {
        let _changing = self.changing.lock().await;
        let print = UpdateUser { password: body.password.as_ref().map(|_| String::new()), ..body.clone() };
        let repeat = self.repeat(by, keyed.as_ref(), &print, body.password.as_deref()).await?;
        let print = match repeat {
            Repeat::Answer(user) => return Ok(user),
            Repeat::New(print) => print,
        };
        let account = self.account(id).ok_or_else(|| Problem::new(Code::NotFound, "there is no such user"))?;
        let before = account.user();
        let after = self.changed(&before, &body).await?;
        if after == *before {
            return Ok(after.view());
        }
        let view = after.view();
        let mut asides = vec![put(format!("{USERS}{}", after.id), &after)];
        let remembered =
            keyed.map(|keyed| self.answer(by, keyed, print, body.password.and(after.password.clone()), &view));
        asides.extend(remembered.as_ref().map(Answers::aside));
        let ended = self.grants_where(|grant| {
            let ends = match grant.kind {
                Kind::Cookie => !after.active || after.password != before.password,
                // Who comes back is given new ones. The environment's is the operator's.
                Kind::Token => !after.active && !grant.given,
            };
            ends && Arc::ptr_eq(&grant.account, &account)
        });
        self.end(&ended, asides).await?;
        if let Some(remembered) = &remembered {
            self.answers.note(remembered);
        }
        self.by_email.remove(&email_key(&before.email));
        self.by_email.insert(email_key(&after.email), after.id.clone());
        account.replace(after);
        self.revisions.people_changed();
        self.tick();
        Ok(view)
    }

    /// Checks a new user's fields and hashes the password.
    async fn checked(&self, body: &CreateUser) -> Result<StoredUser, Problem> {
        let mut check = self.check();
        let email = check.email(&body.email);
        let name = check.name(&body.name);
        let teams = check.teams(body.teams.as_deref().unwrap_or_default());
        if let Some(password) = &body.password {
            check.password(password);
            if body.service == Some(true) {
                check.refuse("/password", "invalid", "a program has tokens, and no password");
            }
        }
        check.done()?;
        self.refuse_taken(&email, None)?;
        let password = match &body.password {
            Some(password) => Some(self.hasher.hash(password.clone()).await?),
            None => None,
        };
        Ok(StoredUser {
            id: UserId::from(secret::name("usr_")),
            email,
            name,
            role: body.role,
            teams,
            active: true,
            created_at: self.now(),
            password,
            service: body.service.unwrap_or(false),
        })
    }

    async fn changed(&self, before: &StoredUser, body: &UpdateUser) -> Result<StoredUser, Problem> {
        let mut after = before.clone();
        let mut check = self.check();
        if let Some(email) = &body.email {
            after.email = check.email(email);
        }
        if let Some(name) = &body.name {
            after.name = check.name(name);
        }
        if let Some(teams) = &body.teams {
            after.teams = check.teams(teams);
        }
        if let Some(password) = &body.password {
            check.password(password);
            if before.service {
                check.refuse("/password", "invalid", "a program has tokens, and no password");
            }
        }
        after.role = body.role.unwrap_or(before.role);
        after.active = body.active.unwrap_or(before.active);
        let others = || self.stored_users().iter().any(|user| user.id != before.id && user.is_active_admin());
        if before.is_active_admin() && !after.is_active_admin() && !others() {
            let pointer = if after.active { "/role" } else { "/active" };
            check.refuse(pointer, "last_admin", "the desk needs an administrator who is active");
        }
        check.done()?;
        self.refuse_taken(&after.email, Some(&before.id))?;
        if let Some(password) = &body.password {
            let same =
                before.password.is_some() && self.hasher.check(password.clone(), before.password.clone()).await?;
            if !same {
                after.password = Some(self.hasher.hash(password.clone()).await?);
            }
        }
        Ok(after)
    }

    fn refuse_taken(&self, email: &str, but_for: Option<&UserId>) -> Result<(), Problem> {
        let holder = self.by_email.get(&email_key(email)).map(|id| id.clone());
        if holder.is_none() || holder.as_ref() == but_for {
            return Ok(());
        }
        Err(Problem::new(Code::EmailTaken, "somebody has this address already"))
    }

    async fn add(&self, user: StoredUser, remembered: Option<Remembered>) -> Result<Arc<Account>, Problem> {
        let mut asides = vec![put(format!("{USERS}{}", user.id), &user)];
        asides.extend(remembered.as_ref().map(Answers::aside));
        self.keep(asides).await?;
        if let Some(remembered) = &remembered {
            self.answers.note(remembered);
        }
        let account = self.place(user);
        self.revisions.people_changed();
        self.tick();
        Ok(account)
    }

    fn check(&self) -> Check<'_> {
        Check { password_min_chars: self.settings.password_min_chars, teams: &self.settings.teams, errors: Vec::new() }
    }

    fn stored_users(&self) -> Vec<Arc<StoredUser>> {
        let mut users: Vec<_> = self.accounts.iter().map(|account| account.user()).collect();
        users.sort_by(|one, other| (one.created_at, &one.id).cmp(&(other.created_at, &other.id)));
        users
    }
}

/// Tokens.
impl People {
    /// Makes a token. Another user's needs the permission [`Permission::TokensOthers`].
    pub async fn create_token(self: &Arc<Self>, by: &Arc<Principal>, body: CreateToken) -> Result<NewToken, Problem> {
        let (people, by) = (self.clone(), by.clone());
        whole(async move { people.create_token_whole(&by, body).await }).await
    }

    async fn create_token_whole(&self, by: &Principal, body: CreateToken) -> Result<NewToken, Problem> {
        let _changing = self.changing.lock().await;
        let user = body.user.unwrap_or_else(|| by.id.clone());
        if user != by.id && !by.may(Permission::TokensOthers) {
            return Err(Problem::new(Code::Forbidden, "a token for somebody else needs the permission tokens_others"));
        }
        let now = self.now();
        let mut check = self.check();
        let name = body.name.trim().to_owned();
        if name.is_empty() {
            check.refuse("/name", "required", "a name says what the token is for");
        } else if name.chars().count() > TOKEN_NAME_CHARS {
            check.refuse("/name", "too_long", format!("a name has at most {TOKEN_NAME_CHARS} characters"));
        }
        if body.expires_at.is_some_and(|at| at <= now) {
            check.refuse("/expires_at", "invalid", "this moment has passed");
        }
        let account = self.account(&user).filter(|account| account.is_active());
        if account.is_none() {
            check.refuse("/user", "unknown_value", "there is no such user, or not any more");
        }
        if let Some(held) = &by.scopes {
            let narrow = body.scopes.as_ref().is_some_and(|asked| asked.iter().all(|scope| held.contains(scope)));
            if !narrow {
                check.refuse("/scopes", "invalid", "a token of narrower scope makes only tokens that are as narrow");
            }
        }
        if body.scopes.as_ref().is_some_and(Vec::is_empty) {
            check.refuse("/scopes", "required", "a token without a scope is of no use: leave the field out for all");
        }
        let theirs = |grant: &Grant| grant.kind == Kind::Token && !grant.given && grant.account.user().id == user;
        if self.grants_where(theirs).len() >= TOKENS_EACH {
            check.refuse("/user", "too_many", format!("a user has at most {TOKENS_EACH} tokens: revoke one first"));
        }
        check.done()?;
        let account = account.expect("invariant: an account that is missing was refused");

        let token = secret::fresh("hd_");
        let digest = Digest::of(&token);
        let stored = StoredToken {
            id: secret::name("tok_"),
            user,
            name,
            digest: digest.to_string(),
            created_at: now,
            expires_at: body.expires_at,
            scopes: body.scopes.map(|mut scopes| {
                scopes.sort();
                scopes.dedup();
                scopes
            }),
        };
        self.keep(vec![put(format!("{TOKENS}{}", stored.id), &stored)]).await?;
        let grant = token_grant(stored, account, self.settings.calls_per_s);
        let view = token_view(&grant);
        self.grants.insert(digest, Arc::new(grant));
        Ok(NewToken { view, token })
    }

    /// Tokens in the order in which they were made: all of them for who may have others', else one's own.
    pub fn tokens(&self, by: &Principal) -> Vec<TokenView> {
        let now = self.now();
        let all = by.may(Permission::TokensOthers);
        let seen = |grant: &Grant| {
            grant.kind == Kind::Token
                && !grant.given
                && grant.expires_at.is_none_or(|at| now < at)
                && (all || grant.account.user().id == by.id)
        };
        let mut tokens: Vec<_> = self.grants_where(seen).iter().map(|(_, grant)| token_view(grant)).collect();
        tokens.sort_by(|one, other| (one.created_at, &one.id).cmp(&(other.created_at, &other.id)));
        tokens
    }

    /// Ends a token at once, open sockets included.
    pub async fn revoke_token(self: &Arc<Self>, by: &Arc<Principal>, id: &str) -> Result<(), Problem> {
        let (people, by, id) = (self.clone(), by.clone(), id.to_owned());
        whole(async move { people.revoke_token_whole(&by, &id).await }).await
    }

    async fn revoke_token_whole(&self, by: &Principal, id: &str) -> Result<(), Problem> {
        let _changing = self.changing.lock().await;
        let all = by.may(Permission::TokensOthers);
        let found = self.grants_where(|grant| {
            grant.kind == Kind::Token && !grant.given && grant.id == id && (all || grant.account.user().id == by.id)
        });
        if found.is_empty() {
            return Err(Problem::new(Code::NotFound, "there is no such token"));
        }
        self.end(&found, Vec::new()).await
    }
}

/// Keyed requests.
impl People {
    /// The gate before everything that is done under a key. What was done is asked for behind it.
    pub fn keys(&self) -> &Arc<Keys> {
        &self.keys
    }

    async fn enter<T: Serialize>(
        &self,
        by: &Principal,
        keyed: Option<&Keyed>,
        body: &T,
    ) -> Result<Option<Pass>, Problem> {
        match keyed {
            Some(keyed) => self.keys.enter(&by.id, &keyed.key, fingerprint(&keyed.path, body)).await.map(Some),
            None => Ok(None),
        }
    }

    /// Whether this key belongs to a request that is not a command on a ticket. Whoever runs keyed commands asks first: the
    /// keys of a user are one name space.
    pub fn refuse_foreign_key(&self, user: &UserId, key: &CommandId) -> Result<(), Problem> {
        match self.answers.find(user, key, self.now()).map_err(unreadable)? {
            Some(_) => Err(reused()),
            None => Ok(()),
        }
    }

    /// Whether a bulk call's key was bound to this very call before; refused where it was used for another request. Its parts
    /// remember their own answers.
    pub fn is_bound(&self, user: &UserId, key: &CommandId, fingerprint: u64) -> Result<bool, Problem> {
        let now = self.now();
        if self.answers.is_memo(user, key, now).map_err(unreadable)? {
            return Err(reused());
        }
        match self.answers.find(user, key, now).map_err(unreadable)? {
            Some(found) if found.fingerprint != fingerprint => Err(reused()),
            found => Ok(found.is_some()),
        }
    }

    /// Binds the key to a bulk call, before its first part: so a part on disk never lacks it.
    pub async fn bind(self: &Arc<Self>, user: &UserId, key: &CommandId, fingerprint: u64) -> Result<(), Problem> {
        let remembered = Remembered {
            user: user.clone(),
            fingerprint,
            key: key.clone(),
            at: self.now(),
            password: None,
            answer: serde_json::Value::Null,
        };
        self.keep(vec![Answers::aside(&remembered)]).await?;
        self.answers.note(&remembered);
        Ok(())
    }

    /// Lets the key go, where no part took effect.
    pub async fn unbind(&self, user: &UserId, key: &CommandId) -> Result<(), Problem> {
        self.keep(vec![Answers::removal(user, key)]).await?;
        self.answers.unnote(user, key);
        Ok(())
    }

    async fn repeat<T: Serialize>(
        &self,
        by: &Principal,
        keyed: Option<&Keyed>,
        print: &T,
        password: Option<&str>,
    ) -> Result<Repeat, Problem> {
        let Some(keyed) = keyed else { return Ok(Repeat::New(0)) };
        let print = fingerprint(&keyed.path, print);
        let now = self.now();
        if self.answers.is_memo(&by.id, &keyed.key, now).map_err(unreadable)? {
            return Err(reused());
        }
        let Some(found) = self.answers.find(&by.id, &keyed.key, now).map_err(unreadable)? else {
            return Ok(Repeat::New(print));
        };
        let same_password = match (found.password, password) {
            (None, None) => true,
            (Some(stored), Some(password)) => self.hasher.check(password.to_owned(), Some(stored)).await?,
            _ => false,
        };
        if found.fingerprint != print || !same_password {
            return Err(reused());
        }
        let answer = serde_json::from_value(found.answer)
            .map_err(|error| Problem::new(Code::Internal, format!("a remembered answer cannot be read: {error}")))?;
        Ok(Repeat::Answer(answer))
    }

    fn answer(
        &self,
        by: &Principal,
        keyed: Keyed,
        fingerprint: u64,
        password: Option<Phc>,
        view: &UserView,
    ) -> Remembered {
        Remembered {
            user: by.id.clone(),
            key: keyed.key,
            at: self.now(),
            fingerprint,
            password,
            answer: serde_json::to_value(view).expect("invariant: a user is JSON"),
        }
    }
}

enum Repeat {
    Answer(UserView),
    /// With the fingerprint, where there is a key.
    New(u64),
}

/// Memory and journal.
impl People {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.clock.now_millis())
    }

    fn tick(&self) {
        self.changes.send_modify(|tick| *tick += 1);
    }

    async fn keep(&self, asides: Vec<Aside>) -> Result<(), Problem> {
        self.writer.put_asides(asides).await.map_err(|error| match error {
            AppendError::Full => Problem::new(Code::StorageFull, error.to_string()),
            AppendError::Overloaded => Problem::new(Code::Overloaded, error.to_string()),
            AppendError::Stopped => Problem::new(Code::Unavailable, error.to_string()),
            AppendError::Conflict { .. } => Problem::new(Code::Internal, error.to_string()),
        })
    }

    fn grants_where(&self, wanted: impl Fn(&Grant) -> bool) -> Vec<(Digest, Arc<Grant>)> {
        let all = self.grants.iter();
        all.filter(|entry| wanted(entry.value())).map(|entry| (*entry.key(), entry.value().clone())).collect()
    }

    /// Ends these grants together with other changes: on disk first, then in memory.
    async fn end(&self, grants: &[(Digest, Arc<Grant>)], mut asides: Vec<Aside>) -> Result<(), Problem> {
        asides.extend(grants.iter().map(|(_, grant)| removal(grant)));
        self.keep(asides).await?;
        if !grants.is_empty() {
            self.drop_grants(grants);
        }
        Ok(())
    }

    fn drop_grants(&self, grants: &[(Digest, Arc<Grant>)]) {
        for (digest, grant) in grants {
            grant.revoke();
            self.grants.remove(digest);
        }
        self.tick();
    }

    fn place(&self, user: StoredUser) -> Arc<Account> {
        self.by_email.insert(email_key(&user.email), user.id.clone());
        let id = user.id.clone();
        let account = Arc::new(Account::new(user));
        self.accounts.insert(id, account.clone());
        account
    }

    fn load(&self) -> Result<(), JournalError> {
        for (key, value) in self.journal.asides(USERS)? {
            self.place(read(&key, &value)?);
        }
        for (key, value) in self.journal.asides(TOKENS)? {
            let stored: StoredToken = read(&key, &value)?;
            let digest = Digest::from_hex(&stored.digest).ok_or_else(|| unusable(&key))?;
            let account = self.account(&stored.user).ok_or_else(|| unusable(&key))?;
            self.grants.insert(digest, Arc::new(token_grant(stored, account, self.settings.calls_per_s)));
        }
        for (key, value) in self.journal.asides(invitations::PREFIX)? {
            self.invitations.put(read(&key, &value)?);
        }
        for (key, value) in self.journal.asides(shared::PREFIX)? {
            self.shelf.put(read(&key, &value)?);
        }
        if let Some(value) = self.journal.aside(desk_settings::KEY)? {
            self.kept.store(read(desk_settings::KEY, &value).map(Arc::new)?);
        }
        for (key, value) in self.journal.asides(SESSIONS)? {
            let stored: StoredSession = read(&key, &value)?;
            let digest = Digest::from_hex(&key[SESSIONS.len()..]).ok_or_else(|| unusable(&key))?;
            let account = self.account(&stored.user).ok_or_else(|| unusable(&key))?;
            self.grants.insert(digest, Arc::new(session(&digest, &stored, account, self.settings.calls_per_s)));
        }
        Ok(())
    }

    /// Makes the administrator that the environment asks for; without one and without any, a set-up secret.
    async fn plant(&self, seed: &AdminSeed) -> Result<(), Problem> {
        let named = seed.email_key();
        if let (Some(email), Some(key), Some(password)) = (&seed.email, &named, &seed.password)
            && !self.by_email.contains_key(key)
        {
            let password = Some(self.hasher.hash(password.clone()).await?);
            self.add(self.administrator(email, password), None).await?;
        }
        let first = || self.stored_users().into_iter().find(|user| user.is_active_admin()).map(|user| user.id.clone());
        if let Some(token) = &seed.token {
            if first().is_none() {
                self.add(self.administrator(first::EMAIL, None), None).await?;
            }
            let named = named.and_then(|key| self.by_email.get(&key).map(|id| id.clone()));
            let holder = named.or_else(first).expect("invariant: an administrator was found or made");
            let account = self.account(&holder).expect("invariant: a user that is listed has an account");
            let grant = Grant {
                id: "environment".to_owned(),
                kind: Kind::Token,
                name: "HOTDESK_ADMIN_TOKEN".to_owned(),
                account,
                created_at: self.now(),
                expires_at: None,
                given: true,
                revoked: AtomicBool::new(false),
                scopes: Scopes::default(),
                place: Place::default(),
                use_: Use::new(self.settings.calls_per_s),
            };
            self.grants.insert(Digest::of(token), Arc::new(grant));
        }
        if first().is_none() {
            *self.setup_secret.lock() = Some(secret::fresh(""));
        }
        Ok(())
    }

    fn administrator(&self, email: &str, password: Option<Phc>) -> StoredUser {
        StoredUser {
            id: UserId::from(secret::name("usr_")),
            email: email.trim().to_owned(),
            name: first::NAME.to_owned(),
            role: Role::Admin,
            teams: Vec::new(),
            active: true,
            created_at: self.now(),
            password,
            service: false,
        }
    }
}

/// Runs to its end even if the caller hangs up: what is on disk and what is in memory must not part.
async fn whole<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    match tokio::spawn(work).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime is going down, and the caller with it.
            Err(_) => std::future::pending().await,
        },
    }
}

impl crate::domain::rules::People for People {
    fn sees(&self, user: &UserId, team: Option<&str>) -> bool {
        self.account(user).is_some_and(|account| {
            let user = account.user();
            let is_private = team.is_some_and(|team| self.settings.private.contains(team));
            let inside = user.role == Role::Admin || team.is_some_and(|team| user.teams.iter().any(|own| own == team));
            user.active && (!is_private || inside)
        })
    }

    fn is_assignable(&self, user: &UserId, team: Option<&str>) -> bool {
        self.account(user).is_some_and(|account| {
            let user = account.user();
            let fits = team.is_none_or(|team| {
                let named = user.teams.iter().any(|own| own == team);
                // Nobody holds what they do not see.
                named || (user.teams.is_empty() && (user.role == Role::Admin || !self.settings.private.contains(team)))
            });
            user.active && fits
        })
    }
}

fn wrong_password() -> Problem {
    Problem::new(Code::WrongCredentials, "the address or the password is wrong")
}

fn session(digest: &Digest, stored: &StoredSession, account: Arc<Account>, calls_per_s: u32) -> Grant {
    Grant {
        id: digest.to_string(),
        kind: Kind::Cookie,
        name: String::new(),
        account,
        created_at: stored.created_at,
        expires_at: Some(stored.expires_at),
        given: false,
        revoked: AtomicBool::new(false),
        scopes: Scopes::default(),
        place: Place { address: stored.address, client: stored.client.clone() },
        use_: Use::new(calls_per_s),
    }
}

fn token_grant(stored: StoredToken, account: Arc<Account>, calls_per_s: u32) -> Grant {
    Grant {
        id: stored.id,
        kind: Kind::Token,
        name: stored.name,
        account,
        created_at: stored.created_at,
        expires_at: stored.expires_at,
        given: false,
        revoked: AtomicBool::new(false),
        scopes: Scopes::new(stored.scopes),
        place: Place::default(),
        use_: Use::new(calls_per_s),
    }
}

fn token_view(grant: &Grant) -> TokenView {
    TokenView {
        id: grant.id.clone(),
        user: grant.account.user().id.clone(),
        name: grant.name.clone(),
        created_at: grant.created_at,
        expires_at: grant.expires_at,
        scopes: grant.scopes.listed(),
    }
}

fn removal(grant: &Grant) -> Aside {
    let owner = match grant.kind {
        Kind::Cookie => SESSIONS,
        Kind::Token => TOKENS,
    };
    Aside { key: format!("{owner}{}", grant.id), value: None }
}

/// Refuses where the caller expected other versions than the present one. `None` expects nothing.
fn check_version(expect: Option<&[Version]>, now: Version) -> Result<(), Problem> {
    if expect.is_none_or(|versions| versions.contains(&now)) {
        return Ok(());
    }
    let detail = format!("it is at version {now}, not at the one that was expected");
    Err(Problem { version: Some(now), ..Problem::new(Code::VersionConflict, detail) })
}

fn put<T: Serialize>(key: String, value: &T) -> Aside {
    let value = serde_json::to_vec(value).expect("invariant: what is stored is JSON");
    Aside { key, value: Some(value.into()) }
}

fn read<T: for<'de> Deserialize<'de>>(key: &str, value: &[u8]) -> Result<T, JournalError> {
    serde_json::from_slice(value)
        .map_err(|error| JournalError::Damaged { what: format!("{key} cannot be read: {error}") })
}

fn unusable(key: &str) -> JournalError {
    JournalError::Damaged { what: format!("{key} belongs to nobody") }
}

fn unreadable(error: JournalError) -> Problem {
    tracing::error!(%error, "what is remembered about people cannot be read");
    Problem::new(Code::Internal, "the desk cannot read what it remembers")
}
