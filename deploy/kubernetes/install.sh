#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# navctl install and uninstall, of this tree's build, for whoever has called this script before.
#   install.sh IMAGE        navctl install --image IMAGE
#   install.sh --prepare    navctl install --prepare
#   install.sh --uninstall  navctl uninstall
# CA_DIR (./navarch-ca): --ca-dir.
set -euo pipefail
what=${1:?usage: install.sh IMAGE | --prepare | --uninstall}
navctl=${B:-$(cd "$(dirname "$0")/../.." && pwd)/build}/navctl

case $what in
--prepare)	exec "$navctl" install --prepare --ca-dir "${CA_DIR:-navarch-ca}" ;;
--uninstall)	exec "$navctl" uninstall ;;
-*)		echo "install: no such option: $what" >&2; exit 2 ;;
*)		exec "$navctl" install --image "$what" --ca-dir "${CA_DIR:-navarch-ca}" ;;
esac
