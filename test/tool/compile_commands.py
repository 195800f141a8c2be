#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""compile_commands.py "COMPILER FLAGS": the compilation database of all C files, to stdout."""
import json
import os
import subprocess
import sys

files = subprocess.run(['git', 'ls-files', '-co', '--exclude-standard', '*.c'], capture_output=True, text=True).stdout.split()
here = os.getcwd()
json.dump([{'directory': here, 'file': f, 'command': '%s -c %s' % (sys.argv[1], f)} for f in files], sys.stdout, indent=1)
