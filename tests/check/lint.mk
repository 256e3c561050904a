# Linters over every source, as far as it or a header of it changed since they last passed.
# Called by run.sh:  make -f tests/check/lint.mk VARIANT=clang tidy | cppcheck

include src/Makefile

L   := build/check
ALL := $(SOURCES) $(wildcard $(MAIN))

.PHONY: tidy cppcheck
tidy: $(ALL:%=$(L)/%.tidy)
cppcheck: $(ALL:%=$(L)/%.cppcheck)

$(call remember,$(L)/versions,$(shell clang-tidy --version | tr -d '\n') $(shell cppcheck --version))

# The compiler lists the headers, so that a changed header has its users looked at again.
define dependencies
@mkdir -p $(@D)
@$(CC) $(DEFS) $(INCLUDES) -MM -MP -MT $@ -MF $@.d $<
endef

# The way to an error is long; it stands in the .out file.
$(L)/%.tidy: % .clang-tidy $(L)/versions
	$(dependencies)
	@clang-tidy --quiet $< -- $(DEFS) $(INCLUDES) >$@.out 2>$@.err || \
		{ grep -E ': (error|warning):' $@.out || cat $@.err; exit 1; }
	@mv $@.out $@

# What hangs in an intrusive list looks like a leak to it; valgrind knows better.
CPPCHECK := --quiet --error-exitcode=1 --enable=warning,portability,performance --inline-suppr \
	--std=c11 --template=gcc --suppress=missingInclude --suppress=missingIncludeSystem --suppress=normalCheckLevelMaxBranches \
	--suppress=memleak \
	-D__linux__ -D__GNUC__=12 -U__cplusplus '-D_Noreturn=__attribute__((noreturn))' -Isrc

$(L)/%.cppcheck: % tests/check/lint.mk $(L)/versions
	$(dependencies)
	@cppcheck $(CPPCHECK) $< >$@.out 2>&1 || { cat $@.out; exit 1; }
	@mv $@.out $@

-include $(ALL:%=$(L)/%.tidy.d) $(ALL:%=$(L)/%.cppcheck.d)
