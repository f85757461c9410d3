// Package config holds every setting of Usher, in one table ([Settings]) from
// which flags, environment, file and the README's list are made, and reads
// them all at once ([Load]).
//
// A setting comes from the first of these that has it:
//
//	a flag               --log-format json
//	the environment      USHER_LOG_FORMAT=json
//	the file .env        USHER_LOG_FORMAT=json
//	a YAML file          log-format: json        (named by --config)
//
// An empty value counts as not given, since platforms pass on variables that
// nobody filled in. Secrets come from the environment or from files of their
// own, never from a flag, which every user of the machine can read in the list
// of processes, and never from the YAML file, which gets committed.
//
// Nothing is used until everything was read and checked; [Faults] then names
// each mistake. What is wrong with a secret is said without showing it, and no
// path of a secret's file is shown either: it may be the secret itself, put
// into the wrong variable.
package config
