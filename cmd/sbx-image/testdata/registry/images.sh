#!/bin/sh
# Makes images in the OCI layout of the working directory, with umoci, as root of a
# user namespace: images.sh DEBIAN_TAR BUSYBOX
set -eu
debian=$1 busybox=$2
export TZ=UTC LC_ALL=C
umask 022

# begin TAG: an image without a layer, whose files are in $root.
begin() {
	tag=$1 root=$PWD/$1.bundle/rootfs
	umoci new --image "layout:$tag"
	umoci unpack --image "layout:$tag" "$tag.bundle"
}

# layer: what changed in $root is a layer.
layer() { umoci repack --refresh-bundle --image "layout:$tag" "$tag.bundle"; }

# add FILE: a tar is a layer, as it is.
add() { umoci raw add-layer --image "layout:$tag" "$1"; }

# marks NAME...: a layer of empty files, and directories where a name ends so, in the
# order of their names here.
marks() {
	rm -rf marks
	mkdir marks
	for name; do
		mkdir -p "marks/$(dirname "$name")"
		case $name in
		*/) mkdir -p "marks/$name" ;;
		*) touch -d @1000000000 "marks/$name" ;;
		esac
	done
	for name; do touch -d @1000000001 "marks/$name"; done
	tar -C marks --no-recursion -cf marks.tar "$@"
	add marks.tar
}

shell() {
	mkdir -p "$root/bin" "$root/etc" "$root/tmp"
	cp "$busybox" "$root/bin/busybox"
	ln -s busybox "$root/bin/sh"
	echo root:x:0:0::/:/bin/sh >"$root/etc/passwd"
}

umoci init --layout layout

tag=debian
umoci new --image layout:debian
add "$debian"
umoci config --image layout:debian --config.cmd /bin/sh

begin busybox
shell
"$busybox" --list | grep -vx busybox | while read -r name; do ln -sf busybox "$root/bin/$name"; done
layer
umoci config --image layout:busybox --config.cmd /bin/sh --config.env GREETING=hello
for arch in amd64 arm64; do
	umoci tag --image layout:busybox $arch
	umoci config --image layout:$arch --architecture $arch --config.env "ARCH=$arch"
done

# Each of sixty layers makes, changes and removes something.
begin sixty
shell
layer
for n in $(seq 59); do
	rm -rf tree
	mkdir -p "tree/deep/$((n % 7))" tree/all
	echo "$n" >"tree/deep/$((n % 7))/file"
	echo "$n" >tree/last
	echo "$n" >"tree/all/$n"
	[ "$n" -lt 3 ] || : >"tree/all/.wh.$((n - 2))"
	tar -C tree -cf tree.tar .
	add tree.tar
done

# Owners, modes, times, attributes, and what is neither file nor directory.
begin odd
shell
python3 - "$root" <<'END'
import os, struct, sys
root = os.fsencode(sys.argv[1])
os.chdir(root)
for name, mode, uid, gid in [(b'setuid', 0o4755, 0, 0), (b'setgid', 0o2755, 1, 5), (b'nobody', 0o600, 65534, 65534), (b'none', 0, 0, 0),
        (b'tab\tnewline\n', 0o644, 100, 0), (b'\xff\xfe', 0o644, 0, 100), (b'n' * 255, 0o644, 0, 0), (b'-rf *', 0o644, 3, 4)]:
    with open(name, 'wb') as f:
        f.write(name * 3)
    os.chown(name, uid, gid)
    os.chmod(name, mode)
for name, mode, uid in [(b'sticky', 0o1777, 0), (b'shared', 0o2775, 8), (b'closed', 0o700, 65534), (b'unreadable', 0, 0)]:
    os.mkdir(name)
    os.chown(name, uid, 7)
    os.chmod(name, mode)
os.setxattr(b'nobody', b'user.text', b'text')
os.setxattr(b'nobody', b'user.bytes', bytes(range(256)))
os.setxattr(b'shared', b'user.of-a-directory', b'')
os.setxattr(b'setgid', b'security.capability', struct.pack('<IIIII', 0x02000001, 0x2400, 0, 0, 0))
os.mkfifo(b'pipe', 0o620)
os.symlink(b'/absent/\xff', b'dangling')
os.symlink(b'x' * 4000, b'long')
os.lchown(b'dangling', 12, 13)
os.mkdir(b'deep')
here = os.open(b'.', os.O_RDONLY)
os.chdir(b'deep')
for n in range(40):
    os.mkdir(b'%02d' % n * 30)
    os.chdir(b'%02d' % n * 30)
open(b'end', 'w').close()
os.fchdir(here)
with open(b'sparse', 'wb') as f:
    f.truncate(20 << 20)
    f.seek(10 << 20)
    f.write(b'middle')
os.link(b'nobody', b'sticky/again')
os.link(b'nobody', b'again')
os.link(b'dangling', b'dangling-again')
for name, time in [(b'setuid', 0), (b'setgid', 1), (b'nobody', 4000000000), (b'sticky', 999999999), (b'pipe', 77)]:
    os.utime(name, ns=(0, time * 10**9 + 5))
END
layer

# Every way to remove and to replace.
begin whiteouts
shell
cd "$root"
mkdir -p dir/sub opaque/sub again/sub both/sub todir tofile/sub tolink tonothing other/sub kept implied/a/b deep/a/b/c
for name in file dir/a dir/sub/b opaque/a opaque/sub/b again/a again/sub/b both/a both/sub/b dirfile tofile/a tofile/sub/b tolink/a \
	tonothing/a other/a other/sub/b kept/file changed appended implied/a/b/c deep/a/b/c/d; do echo "below $name" >"$name"; done
ln file link
ln changed linked
ln kept/file kept/link
ln kept/link kept/third
ln -s other way
ln -s kept/file pointer
ln -s absent nowhere
chmod 700 opaque/sub
chown 5:6 other
cd ../..
layer
# As a tool does it that looks what is different.
cd "$root"
rm -r file dir opaque dirfile kept/link pointer
mkdir opaque dirfile
echo new >opaque/new
echo new >dirfile/new
echo new >>appended
echo new >changed.new
mv changed.new changed
mkdir pointer
chmod 711 other
chown 7:8 kept
cd ../..
layer
# A link in the place of a directory. Umoci would say of what was in it that it is gone
# where the link leads.
rm -rf tree
mkdir tree
ln -s other tree/tolink
ln -s file tree/tonothing
tar -C tree --sort=name -cf tree.tar tolink tonothing
add tree.tar
# And by the marks alone, before and after what they stand beside.
marks again/.wh..wh..opq again/a again/new
marks both/a both/.wh..wh..opq both/new
marks .wh.never other/.wh.never .wh.linked
marks other/sub/.wh.b other/sub/b
marks tofile implied/a/new deep/a/.wh.b deep/a/b
marks other/.wh.sub other/.wh..wh..opq kept/.wh.file kept/.wh.third
marks .wh.again .wh.nowhere
marks again/ again/.wh.a again/sub .wh.todir todir

# A file goes where a link of the layers below leads.
begin way
shell
mkdir "$root/other"
ln -s other "$root/way"
ln -s /other/../way "$root/long"
layer
marks way/one long/two
marks other/.wh.one way/.wh.two way/three

begin many
shell
layer
python3 - >many.tar <<'END'
import io, sys, tarfile
with tarfile.open(fileobj=sys.stdout.buffer, mode='w|') as tar:
    for name in ['many'] + [f'many/{n}' for n in range(100)]:
        d = tarfile.TarInfo(name)
        d.type, d.mode, d.mtime = tarfile.DIRTYPE, 0o755, 10**9
        tar.addfile(d)
    for n in range(50000):
        f = tarfile.TarInfo(f'many/{n // 500}/{n}')
        f.size, f.mtime = len(f.name), 10**9 + n
        tar.addfile(f, io.BytesIO(f.name.encode()))
END
add many.tar

# Two that are pulled often, one of them with files of root alone.
for name in small plain; do
	begin $name
	shell
	layer
	for n in 1 2 3 4 5; do
		mkdir "$root/$n"
		(cd "$root/$n" && seq 60 | split -l 1 -a 3 -d - f)
		[ $name = plain ] || chown "$n:$n" "$root/$n"/f0*
		rm -rf "$root/$((n - 1))/f01"*
		layer
	done
done

rm -rf ./*.bundle tree tree.tar marks marks.tar many.tar
