package postgres

import (
	"errors"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// account is who the server's processes run as. PostgreSQL refuses root, so root
// switches to another one; a plain user stays who they are.
type account struct {
	name     string
	uid, gid int
	switched bool
}

// candidates are the accounts that root may switch to, the first that exists: an
// account of our own; PostgreSQL's, whose kind of files these are; and nobody,
// which is always there, last because other programs share it and could then
// read the data.
func candidates() []string { return []string{"semantik", "postgres", "nobody"} }

// chooseAccount keeps the owner of a cluster that exists: who made it can go on
// using it, with root or without, and whichever accounts were added since.
func chooseAccount(l layout) (account, error) {
	euid := os.Geteuid()
	owner, gid, exists, err := ownerOf(l.cluster)
	if err != nil {
		return account{}, ErrDataDirectory.WithMessagef("The data directory %s cannot be read.", l.cluster).WithCause(err)
	}
	if euid != 0 {
		if exists && owner != euid {
			return account{}, ErrDataDirectory.WithMessagef(
				"The data directory %s belongs to %s. Run Semantik as that user or as root, or choose another directory with SEMANTIK_DATA.",
				l.cluster, userName(owner))
		}
		return account{name: userName(euid), uid: euid, gid: os.Getegid()}, nil
	}
	if exists && owner != 0 {
		return account{name: userName(owner), uid: owner, gid: gid, switched: true}, nil
	}
	for _, name := range candidates() {
		if a, ok := lookUpAccount(name); ok {
			return a, nil
		}
	}
	return account{}, ErrDataDirectory.WithMessagef(
		"PostgreSQL does not run as root, and there is no account to run it as (%s). Add one, for example: useradd --system semantik.",
		strings.Join(candidates(), ", "))
}

func lookUpAccount(name string) (account, bool) {
	u, err := user.Lookup(name)
	if err != nil {
		return account{}, false
	}
	uid, errUID := strconv.Atoi(u.Uid)
	gid, errGID := strconv.Atoi(u.Gid)
	if errUID != nil || errGID != nil || uid <= 0 {
		return account{}, false
	}
	return account{name: name, uid: uid, gid: gid, switched: true}, true
}

func userName(uid int) string {
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		return u.Username
	}
	return "user " + strconv.Itoa(uid)
}

// ownerOf follows symbolic links: a cluster may lie on another disk.
func ownerOf(path string) (uid, gid int, exists bool, err error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, 0, false, nil
	}
	if err != nil {
		return 0, 0, false, err
	}
	uid, gid = owner(info)
	return uid, gid, true, nil
}

func owner(info fs.FileInfo) (uid, gid int) {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(st.Uid), int(st.Gid)
	}
	return -1, -1
}

// own gives a file or folder to the account; links are not followed.
func (a account) own(path string) error {
	if !a.switched {
		return nil
	}
	return os.Lchown(path, a.uid, a.gid)
}

// ownTree gives a whole cluster to the account when root left it to itself, as a
// restored copy is. One that belongs to an account already is not walked.
func (a account) ownTree(dir string) error {
	uid, _, exists, err := ownerOf(dir)
	if err != nil || !exists || !a.switched || uid != 0 {
		return err
	}
	root, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return err
	}
	return filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return a.own(path)
	})
}

// blockedBy names the first folder on the way to path that the account may not
// enter, judged by the permission bits alone; "" when there is none.
func (a account) blockedBy(path string) string {
	var chain []string
	for p := path; ; p = filepath.Dir(p) {
		chain = append(chain, p)
		if p == filepath.Dir(p) {
			break
		}
	}
	for _, folder := range slices.Backward(chain) {
		info, err := os.Stat(folder)
		if err != nil || !info.IsDir() {
			continue
		}
		bit := fs.FileMode(0o001)
		switch uid, gid := owner(info); {
		case uid == a.uid:
			bit = 0o100
		case gid == a.gid:
			bit = 0o010
		}
		if info.Mode().Perm()&bit == 0 {
			return folder
		}
	}
	return ""
}
