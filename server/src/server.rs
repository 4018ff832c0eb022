//! Puts the server together: starts every thread in the order of what it needs, and ends them in
//! the other direction. Called by `main`.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Context;
use chatbox_common::auth::scram::Iterations;
use chatbox_common::crypto::handshake::ServerIdentity;
use chatbox_common::fingerprint::Fingerprint;

use crate::account_budget::AccountBudgets;
use crate::admin::AdminSocket;
use crate::audit::{Audit, Line, Noise, Seldom, events};
use crate::capacity::{self, Cap, Machine};
use crate::config::{Settings, Sources};
use crate::connections::Connections;
use crate::control::Control;
use crate::delivery::{Deliveries, Delivery};
use crate::faults::Faults;
use crate::handshakes::HandshakeThreads;
use crate::housekeeper::Housekeeper;
use crate::journal::{self, AuditedChat, RoomLimits};
use crate::listener;
use crate::rate_limit::AddressBudget;
use crate::readers::Readers;
use crate::shared::{Policy, Shared};
use crate::space::{Shortage, Space};
use crate::sql_log::ReadTally;
use crate::startup::{self, OnDisk};
use crate::store::{Checkpointer, Commit, Store, StoreError};
use crate::totp_seal::{KEY_ID, SealingKey};

/// For the goodbyes of all connections together: an operator is promised an end within 5 s.
const STOP_TIMEOUT: Duration = Duration::from_secs(4);

pub const FEW_ITERATIONS: &str = "only test clients log in here; others refuse, \
    because a password is cheap to guess from a proof with so few rounds";

pub struct Server {
    pub control: Arc<Control>,
    pub shared: Arc<Shared>,
    pub listener: TcpListener,
    /// With the port that the system chose where the configuration has 0.
    pub address: SocketAddr,
    pub fingerprint: Fingerprint,
    pub cap: Cap,
    /// Of room on a disk at the start.
    pub shortage: Option<Shortage>,
    journal: JoinHandle<()>,
    deliveries: Vec<JoinHandle<()>>,
    housekeeper: Housekeeper,
    admin: AdminSocket,
}

impl Server {
    /// Starts everything but the accepting.
    pub fn start(
        sources: Sources,
        settings: &Settings,
        listener: TcpListener,
        begins_anew: bool,
    ) -> anyhow::Result<Self> {
        let config = &settings.config;
        let started = Instant::now();
        capacity::raise_descriptors();
        let cap = capacity::cap(
            &Machine::read(),
            config.server.max_connections,
            config.limits.outbox_total,
        );
        anyhow::ensure!(cap.connections > 0, "{} leaves no connection", cap.limit);

        let OnDisk {
            audit,
            sql_log,
            mut store,
            keys,
            iterations,
            start,
            admin,
        } = startup::open(settings, begins_anew)?;
        let identity = Arc::new(ServerIdentity::from_private(keys.identity));
        let fingerprint = Fingerprint::from_key(identity.public().as_bytes());
        startup::note_fingerprint(settings, fingerprint);
        let chat = chat_log(settings, &mut store, &audit)?;
        let chat_sync = chat.syncer();

        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let (deliveries, delivery_threads) =
            Deliveries::start(cores, config.limits.outbox, config.limits.outbox_total)?;
        let space = space(settings)?;
        let shortage = space.shortage();
        let seal = Arc::new(SealingKey::new(KEY_ID, keys.totp));
        let (journal, journal_thread) = journal::start(journal::Parts {
            store,
            chat,
            audit: audit.clone(),
            deliveries: deliveries.clone(),
            seal: Arc::clone(&seal),
            space,
            room_limits: RoomLimits::of(config),
        })?;
        let reads = ReadTally::default();
        let budgets = AccountBudgets::new(config.security.max_messages_per_sec);
        let readers = Readers::start(
            &settings.data_dir,
            &reads.log(),
            &deliveries,
            &budgets,
            &seal,
            iterations,
        )?;
        let handshakes = HandshakeThreads::start(cores / 2, &identity)?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            connections: Connections::new(
                usize::try_from(cap.connections).unwrap_or(usize::MAX),
                start,
            ),
            journal,
            readers,
            deliveries,
            handshakes,
            audit,
            noise: Mutex::new(Noise::default()),
            faults: Faults::default(),
            database_trouble: Seldom::default(),
            budgets,
            logins: Mutex::new(AddressBudget::logins()),
            resumes: Mutex::new(AddressBudget::resumes()),
            registrations: Mutex::new(AddressBudget::registrations()),
            secrets: keys.secrets,
            policy: Mutex::new(Policy::of(config, iterations)),
            started,
        });
        let stop = stopper(&listener, &shared)?;
        let checkpointer = Checkpointer::open(&settings.data_dir, sql_log.clone())?;
        let housekeeper = Housekeeper::start(checkpointer, (chat_sync, reads), stop, &shared)?;
        let control = Arc::new(Control::new(&shared, sources, settings));
        let admin = AdminSocket::start(admin, settings, &control, sql_log)?;
        warn_of_few(iterations, &shared.audit);
        shared.audit.log(
            Line::of(&events::STARTED)
                .with("version", env!("CARGO_PKG_VERSION"))
                .with("address", address)
                .with("fingerprint", fingerprint)
                .with("connections", cap.connections),
        );
        Ok(Self {
            control,
            shared,
            listener,
            address,
            fingerprint,
            cap,
            shortage,
            journal: journal_thread,
            deliveries: delivery_threads,
            housekeeper,
            admin,
        })
    }

    /// Accepts until the listener is shut down, then ends everything: what is queued is
    /// committed and delivered, every connection gets its goodbye.
    ///
    /// # Errors
    /// When it ended by itself, because its database is gone.
    pub fn run(self) -> Result<(), StoreError> {
        listener::run(&self.listener, &self.shared);
        self.admin.stop();
        let left = self.shared.connections.wait_empty(STOP_TIMEOUT);
        self.shared.journal.stop();
        ended("journal", self.journal);
        self.shared.deliveries.broadcast(|| Delivery::Stop);
        for thread in self.deliveries {
            ended("delivery", thread);
        }
        let fault = self.housekeeper.stop();
        let audit = &self.shared.audit;
        self.shared.write_noise(true);
        let uptime = self.shared.started.elapsed().as_secs();
        let line = Line::of(&events::STOPPED).with("seconds", uptime);
        audit.log(line.with("connections_left", left));
        audit.stop();
        fault
    }

    /// Returns what stops the server; it is made for the signals' thread.
    pub fn stopper(&self) -> io::Result<impl FnOnce() + Send + use<>> {
        stopper(&self.listener, &self.shared)
    }
}

fn chat_log(settings: &Settings, store: &mut Store, audit: &Audit) -> anyhow::Result<AuditedChat> {
    let mark = store.transaction(Commit::Usual, |tx| tx.chat_log_mark())?;
    let opened = AuditedChat::open(&settings.log_dir, mark);
    let (chat, repairs) = opened.context("chat.log can't be opened")?;
    for line in repairs {
        audit.log(line);
    }
    Ok(chat)
}

fn warn_of_few(iterations: Iterations, audit: &Audit) {
    if !iterations.suits_clients() {
        let line = Line::of(&events::FEW_SCRAM_ITERATIONS).with("iterations", iterations.count());
        audit.log(line.with("why", FEW_ITERATIONS));
    }
}

fn stopper(
    listener: &TcpListener,
    shared: &Arc<Shared>,
) -> io::Result<impl FnOnce() + Send + use<>> {
    let listener = listener.try_clone()?;
    let shared = Arc::clone(shared);
    Ok(move || {
        shared.connections.stop();
        listener::shut_down(&listener);
    })
}

fn space(settings: &Settings) -> anyhow::Result<Space> {
    let directories = [&*settings.data_dir, &*settings.log_dir];
    let space = Space::watch(settings.config.storage.min_free, &directories);
    space.context("the directories can't be opened")
}

fn ended(name: &str, thread: JoinHandle<()>) {
    if thread.join().is_err() {
        log::error!("the {name} thread ended by a panic");
    }
}
