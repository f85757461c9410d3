-- The words in braces stand for what SQLite and PostgreSQL call differently,
-- see migrate.go. Times are microseconds since 1970 in UTC, 0 for none. An empty
-- line ends a statement; one with {sqlite} or {postgres} is for that alone.

CREATE TABLE sessions (
    id          {text} PRIMARY KEY,
    name        {text} NOT NULL,
    folded_name {text} NOT NULL UNIQUE,
    state       {text} NOT NULL,
    owner       {text} NOT NULL,
    passcode    {bytes} NOT NULL, -- sealed; empty for none
    settings    {text} NOT NULL,  -- JSON of everything that is never searched for
    created_at  {int} NOT NULL,
    updated_at  {int} NOT NULL,
    version     {int} NOT NULL
) {strict};

CREATE TABLE api_keys (
    id           {text} PRIMARY KEY,
    name         {text} NOT NULL,
    hash         {bytes} NOT NULL UNIQUE,
    may          {text} NOT NULL,
    sessions     {text} NOT NULL, -- JSON array
    created_at   {int} NOT NULL,
    expires_at   {int} NOT NULL,
    revoked_at   {int} NOT NULL,
    last_used_at {int} NOT NULL
) {strict};

CREATE INDEX api_keys_newest ON api_keys (created_at, id);

CREATE TABLE invites (
    id             {text} PRIMARY KEY,
    hash           {bytes} NOT NULL UNIQUE,
    session        {text} NOT NULL,
    folded_session {text} NOT NULL,
    host           {int} NOT NULL,
    uses           {int} NOT NULL, -- 0 for any number
    used           {int} NOT NULL,
    created_at     {int} NOT NULL,
    expires_at     {int} NOT NULL,
    revoked_at     {int} NOT NULL,
    CHECK (uses = 0 OR used <= uses)
) {strict};

CREATE INDEX invites_newest ON invites (created_at, id);

CREATE INDEX invites_of_session ON invites (folded_session, created_at, id);

CREATE TABLE guests (
    invite_id  {text} NOT NULL REFERENCES invites (id) ON DELETE CASCADE,
    hash       {bytes} NOT NULL, -- of the secret that the guest keeps
    number     {int} NOT NULL,
    name       {text} NOT NULL,
    created_at {int} NOT NULL,
    PRIMARY KEY (invite_id, hash)
) {strict};

CREATE TABLE bans (
    id         {text} PRIMARY KEY,
    subject    {text} NOT NULL UNIQUE,
    reason     {text} NOT NULL,
    created_at {int} NOT NULL
) {strict};

CREATE INDEX bans_newest ON bans (created_at, id);

CREATE TABLE answers (
    name        {bytes} PRIMARY KEY, -- of caller, operation and idempotency key
    fingerprint {bytes} NOT NULL,    -- of the call
    done        {int} NOT NULL,      -- 0 while the call runs
    body        {bytes} NOT NULL,    -- sealed
    started_at  {int} NOT NULL,
    expires_at  {int} NOT NULL
) {strict};

CREATE INDEX answers_expiry ON answers (expires_at);

-- The feed of changes: changes_made counts them, and its row is the lock that
-- makes their ids commit in order, so that who reads on from an id misses none.
CREATE TABLE changes_made (
    one  {int} PRIMARY KEY CHECK (one = 1),
    last {int} NOT NULL
) {strict};

INSERT INTO changes_made (one, last) VALUES (1, 0);

CREATE TABLE changes (
    id   {int} PRIMARY KEY,
    kind {text} NOT NULL,
    ref  {text} NOT NULL, -- the id of what changed
    name {text} NOT NULL, -- what caches know it by
    at   {int} NOT NULL
) {strict};

CREATE TABLE ledger_writers (
    id     {int} PRIMARY KEY,
    name   {text} NOT NULL UNIQUE,
    number {int} NOT NULL,
    hash   {bytes} NOT NULL
) {strict};

CREATE TABLE ledger (
    writer           {int} NOT NULL,
    number           {int} NOT NULL,
    time             {int} NOT NULL,
    event            {text} NOT NULL,
    caller           {text} NOT NULL,
    user_key         {text} NOT NULL,
    session          {text} NOT NULL,
    folded_session   {text} NOT NULL,
    role             {text} NOT NULL,
    decision         {text} NOT NULL,
    rules            {text} NOT NULL, -- one a line
    reason           {text} NOT NULL,
    expires          {int} NOT NULL,
    address          {text} NOT NULL,
    signature_sha256 {text} NOT NULL,
    subject          {text} NOT NULL,
    request_id       {text} NOT NULL,
    prev             {bytes} NOT NULL,
    hash             {bytes} NOT NULL,
    PRIMARY KEY (writer, number)
) {strict};

-- In the order of lists, so that a page is read without sorting all.
{postgres} CREATE INDEX ledger_time ON ledger (time, writer, number);

{postgres} CREATE INDEX ledger_session ON ledger (folded_session, time, writer, number);

{postgres} CREATE INDEX ledger_user ON ledger (user_key, time, writer, number);

-- What SQLite has instead, see ledgerindex.go: one row for blocks of the ledger's.
{sqlite} CREATE TABLE ledger_blocks (
    writer {int} NOT NULL,
    block  {int} NOT NULL,   -- its rows are numbered from block * blockRows + 1 on
    oldest {int} NOT NULL,   -- time of the oldest row
    newest {int} NOT NULL,   -- and of the newest
    prints {bytes} NOT NULL, -- of each row
    PRIMARY KEY (writer, block)
) {strict};

{sqlite} CREATE INDEX ledger_blocks_newest ON ledger_blocks (newest, oldest);

{sqlite} CREATE INDEX ledger_blocks_oldest ON ledger_blocks (oldest);

CREATE TABLE ledger_checkpoints (
    id   {int} PRIMARY KEY,
    time {int} NOT NULL,
    body {text} NOT NULL -- signed JSON
) {strict};
