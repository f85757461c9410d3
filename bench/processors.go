package main

import (
	"os/exec"
	"runtime"

	"golang.org/x/sys/unix"
)

// Under load, servers and load generator are kept apart: the generator has the
// last processor to itself, each server in its turn all others. Else a server
// of several threads competes with the generator for the processors, whose
// answers then wait for the generator's next turn, and that wait would count as
// the server's.
func apart() (forServers, forLoad *unix.CPUSet) {
	var all unix.CPUSet
	if err := unix.SchedGetaffinity(0, &all); err != nil || all.Count() < 2 {
		return nil, nil
	}
	servers, load := all, unix.CPUSet{}
	last := 0
	for i := range len(all) * 64 {
		if all.IsSet(i) {
			last = i
		}
	}
	servers.Clear(last)
	load.Set(last)
	return &servers, &load
}

// startOn starts cmd on these processors; nil is all.
func startOn(cpus *unix.CPUSet, cmd *exec.Cmd) error {
	if cpus == nil {
		return cmd.Start()
	}
	// A process begins on the processors of the thread that starts it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return err
	}
	if err := unix.SchedSetaffinity(0, cpus); err != nil {
		return err
	}
	err := cmd.Start()
	if restored := unix.SchedSetaffinity(0, &before); err == nil {
		err = restored
	}
	return err
}
