# SPDX-License-Identifier: GPL-2.0-only
# core.mk - compiles modules/common into a module, with objects of its own
#
# Copyright (C) 2026 The vmsock authors
#
# An object that has no source beside it comes from modules/common.

$(obj)/%.o: $(abspath $(KBUILD_EXTMOD))/../common/%.c FORCE
	$(call if_changed_rule,cc_o_c)
