# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
#
# guest.sh - start a guest and wait for its end
#
# Copyright (C) 2026 The vmsock authors
#
# Sourced by run, which sets: kernel, root, release, group, work, image, again.

# shellcheck disable=SC2154
# value KEY DEFAULT: a setting of the guest of $group
value()
{
	found=
	case $group in
	own-*)
		file=$(awk -v g="$group" '$1 == g {print $4; exit}' "$work/plan")
		found=$(test_header "$file" "$1") ;;
	esac
	echo "${found:-$2}"
}

# exec_guest ARGUMENTS OPTION...: become a guest with this kernel command line. On a busy
# machine the kernel's check of its timer may fail, which ends its boot in silence.
exec_guest()
{
	args="console=ttyS0 panic=-1 loglevel=4 mitigations=off no_timer_check $1"
	shift
	accel=tcg,tb-size=256
	if grep -qE '\<(vmx|svm)\>' /proc/cpuinfo && [ -w /dev/kvm ] &&
		[ -z "$(value clock '')" ]; then
		accel=kvm
	fi
	# Time is what has been executed, a nanosecond for an instruction, and never stands still.
	[ "$(value clock '')" != instructions ] || set -- -icount shift=0,sleep=off "$@"
	exec_qemu -accel "$accel" -machine q35 -cpu max -nodefaults -no-user-config -no-reboot \
		-kernel "$root/boot/vmlinuz-$release" -initrd "$work/initramfs" -append "$args" "$@"
}

# start_guest RESULTS CONSOLE: in the background; sets qemu
start_guest()
{
	memory=512
	[ "$kernel" != debug ] || memory=1024
	warn=1
	[ -z "$(value allow '')" ] || warn=0
	args="oops=panic panic_on_warn=$warn printk.devkmsg=on rcupdate.rcu_cpu_stall_timeout=60"
	# What the kernel does not know becomes the environment of init and of the tests.
	args="$args ${VMSOCK_STRESS_SECONDS:+VMSOCK_STRESS_SECONDS=$VMSOCK_STRESS_SECONDS}"
	args="$args ${VMSOCK_FULL:+VMSOCK_FULL=1} $again"
	memory=$(value memory "$memory")
	console=$2 results=$1
	device_arguments "$memory" >"$work/device.args"
	set --
	while read -r argument; do
		set -- "$@" "$argument"
	done <"$work/device.args"
	(exec_guest "$args $(value args '')" -smp "$(value cpus 2)" -m "$memory" \
		-display none -serial "file:$console" -serial "file:$results" "$@" \
		</dev/null >"$work/qemu.log" 2>&1) &
	qemu=$!
}

# Wait for the guest's end. A guest that marks nothing for too long is stopped.
watch_guest()
{
	longest=$(cut -d' ' -f2 "$image/tests/list" | sort -n | tail -n 1)
	patience=$((180 * ${VMTEST_SLOW:-1}))
	seen=-1
	while kill -0 "$qemu" 2>/dev/null; do
		marks=$(grep -c '^vmtest: ' "$1" 2>/dev/null || :)
		if [ "$marks" != "$seen" ]; then
			[ "$marks" = 0 ] || patience=$((longest + 60 * ${VMTEST_SLOW:-1}))
			seen=$marks
			deadline=$(($(date +%s) + patience))
		elif [ "$(date +%s)" -gt "$deadline" ]; then
			say "the guest says nothing for $patience s; stopping it"
			kill "$qemu"
		fi
		sleep 0.2
	done
	qemu_status=0
	wait "$qemu" || qemu_status=$?
	qemu=
}

# A guest that was killed, as its test wants, starts again; the device does not.
watch_guests()
{
	watch_guest "$1"
	killed=$(value killed 0)
	while [ "$qemu_status" = 137 ] && [ "$killed" -gt 0 ]; do
		killed=$((killed - 1))
		start_guest "$1" "$2"
		watch_guest "$1"
	done
}

# boot RESULTS CONSOLE: one guest with the tests of $image/tests/list. If it does not
# even come up, nothing of ours has run: on a busy machine it gets another chance.
boot()
{
	pack_image
	[ -z "$(value nested '')" ] || nest
	for try in 1 2; do
		: >"$1"
		start_device
		start_guest "$1" "$2"
		watch_guests "$1" "$2"
		end_device
		[ "$qemu_status" = 0 ] || { cat "$work/qemu.log" >&2; die "QEMU failed"; }
		! grep -q '^vmtest: up' "$1" || return 0
		say "try $try: the guest does not come up; the kernel's last words:"
		tail -n 3 "$2" >&2
	done
}

# A guest with its console here and no tests.
shell()
{
	: >"$image/tests/list"
	pack_image
	(exec_guest vmtest.shell -smp 2 -m 1024 -nographic -serial mon:stdio -serial null)
}
