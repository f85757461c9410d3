-- Rooms and who is at their gate. Times are microseconds since 1970 in UTC, 0
-- for none.

CREATE TABLE rooms (
    id         {text} PRIMARY KEY,
    session    {text} NOT NULL,
    folded     {text} NOT NULL,
    passcode   {bytes} NOT NULL, -- sealed; empty for none
    locked     {int} NOT NULL,
    created_at {int} NOT NULL,
    ended_at   {int} NOT NULL,
    ended_by   {text} NOT NULL
) {strict};

-- A session has at most one open room.
CREATE UNIQUE INDEX rooms_open ON rooms (folded) WHERE ended_at = 0;

CREATE INDEX rooms_of_session ON rooms (folded, ended_at);

CREATE INDEX rooms_ended ON rooms (ended_at);

CREATE TABLE entrants (
    id          {text} PRIMARY KEY,
    room_id     {text} NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    session     {text} NOT NULL,
    folded      {text} NOT NULL,
    name        {text} NOT NULL,
    user_key    {text} NOT NULL,
    ticket      {bytes} NOT NULL UNIQUE, -- SHA-256
    signature   {bytes} NOT NULL,        -- SHA-256
    host        {int} NOT NULL,
    cohost      {int} NOT NULL,
    state       {text} NOT NULL,
    present     {int} NOT NULL,
    caller      {text} NOT NULL,
    issued_at   {int} NOT NULL,
    expires_at  {int} NOT NULL,
    came_at     {int} NOT NULL,
    seen_at     {int} NOT NULL,
    admitted_at {int} NOT NULL,
    joined_at   {int} NOT NULL,
    left_at     {int} NOT NULL
) {strict};

CREATE INDEX entrants_of_room ON entrants (room_id, state);

CREATE INDEX entrants_removed ON entrants (folded) WHERE state = 'removed';
