#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# install.sh BUILT WHERE PREFIX: programs, manual pages and completions, made by the programs themselves; the unit of systemd.
set -eu
built=$1 prefix=$2 final=$3
install -d "$prefix/bin" "$prefix/share/man/man1" "$prefix/share/bash-completion/completions" \
	"$prefix/share/zsh/site-functions" "$prefix/share/fish/vendor_completions.d"
install -m 755 "$built/navarchd" "$built/navctl" "$built/navagent" "$prefix/bin"
for program in navarchd navagent; do
	"$built/$program" --man >"$prefix/share/man/man1/$program.1"
	"$built/$program" --completion bash >"$prefix/share/bash-completion/completions/$program"
	"$built/$program" --completion zsh >"$prefix/share/zsh/site-functions/_$program"
	"$built/$program" --completion fish >"$prefix/share/fish/vendor_completions.d/$program.fish"
done
for c in $("$built/navctl" help | awk '/^  / { print $1 }'); do
	"$built/navctl" man "$c" >"$prefix/share/man/man1/navctl-$c.1"
done
"$built/navctl" completion bash >"$prefix/share/bash-completion/completions/navctl"
"$built/navctl" completion zsh >"$prefix/share/zsh/site-functions/_navctl"
"$built/navctl" completion fish >"$prefix/share/fish/vendor_completions.d/navctl.fish"
install -d "$prefix/lib/systemd/system"
sed "s#/usr/local/bin/#$final/bin/#" deploy/systemd/navarchd.service >"$prefix/lib/systemd/system/navarchd.service"
