CREATE TABLE run (
  id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, uuid TEXT NOT NULL UNIQUE,
  plugin TEXT NOT NULL, distribution TEXT NOT NULL, version TEXT NOT NULL,
  state TEXT NOT NULL, created REAL NOT NULL, started REAL, ended REAL,
  command TEXT NOT NULL, executor TEXT NOT NULL, tags TEXT NOT NULL, note TEXT NOT NULL,
  seed INTEGER NOT NULL, registration TEXT, expected_usd REAL, worst_usd REAL, spent_usd REAL,
  jobs_total INTEGER NOT NULL DEFAULT 0, jobs_done INTEGER NOT NULL DEFAULT 0,
  headline TEXT, verdicts TEXT, imported INTEGER NOT NULL DEFAULT 0,
  adopts INTEGER NOT NULL DEFAULT 0, stop_at REAL, wanted TEXT
);
CREATE INDEX run_by_plugin ON run (plugin, id);
CREATE TABLE job (
  run INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE, position INTEGER NOT NULL, id TEXT NOT NULL,
  key TEXT, state TEXT NOT NULL, reason TEXT NOT NULL DEFAULT '', tags TEXT NOT NULL,
  value TEXT, artifacts TEXT, error TEXT, started REAL, ended REAL, seconds REAL, cpu_seconds REAL,
  failures INTEGER NOT NULL DEFAULT 0, interruptions INTEGER NOT NULL DEFAULT 0,
  origin TEXT, made REAL,
  PRIMARY KEY (run, id)
) WITHOUT ROWID;
CREATE TABLE attempt (
  run INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE, job TEXT NOT NULL, n INTEGER NOT NULL,
  executor TEXT NOT NULL, handle TEXT, state TEXT NOT NULL, started REAL NOT NULL, ended REAL,
  seconds REAL, cpu_seconds REAL, peak_mib REAL, usd REAL, error TEXT,
  PRIMARY KEY (run, job, n)
) WITHOUT ROWID;
CREATE TABLE event (
  run INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE, seq INTEGER NOT NULL, time REAL NOT NULL,
  job TEXT, attempt INTEGER, kind TEXT NOT NULL, data TEXT,
  PRIMARY KEY (run, seq)
) WITHOUT ROWID;
CREATE TABLE cache (
  key TEXT PRIMARY KEY, run TEXT NOT NULL, job TEXT NOT NULL, made REAL NOT NULL,
  value TEXT, artifacts TEXT NOT NULL, seconds REAL NOT NULL, cpu_seconds REAL, material TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX cache_by_job ON cache (job, made);
CREATE TABLE collected (key TEXT PRIMARY KEY, made REAL NOT NULL, sections TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE registration (
  digest TEXT PRIMARY KEY, plugin TEXT NOT NULL, prediction TEXT NOT NULL, first_seen REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE opening (
  seal TEXT NOT NULL, key TEXT NOT NULL, run TEXT NOT NULL, job TEXT NOT NULL, time REAL NOT NULL,
  PRIMARY KEY (seal, key)
) WITHOUT ROWID;
CREATE TABLE source (
  path TEXT PRIMARY KEY, mtime_ns INTEGER NOT NULL, size INTEGER NOT NULL, sha256 TEXT NOT NULL,
  imports TEXT NOT NULL, names TEXT NOT NULL
) WITHOUT ROWID;
