# SPDX-License-Identifier: ISC
# Completion for bash: source it; `make install` puts it where
# bash-completion looks, as `ocmctl` and as `ocm`.

_ocm_settings='rooms= relay= lobby= control= log= user-room= user-relay=
    workers= restart-limit= max-rooms= max-members= max-room-members= max-lobby=
    max-payload= idle= request-timeout= half-open= half-open-per-source=
    join-rate= join-burst= member-rate= member-burst= dialects= format=
    notices= bundle= socket-buffer= hang-limit='

_ocm_words()
{
	mapfile -t COMPREPLY < <(compgen -W "$1" -- "${COMP_WORDS[COMP_CWORD]}")
}

_ocm_files()
{
	mapfile -t COMPREPLY < <(compgen -f -- "${COMP_WORDS[COMP_CWORD]}")
	compopt -o filenames
}

# The first of the given words that is on the command line.
_ocm_which()
{
	local word known

	for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
		for known in $1; do
			if [ "$word" = "$known" ]; then
				echo "$known"
				return
			fi
		done
	done
}

_ocmctl()
{
	local words='start stop status rooms members close kick stats reload
	    log check version help' word

	word=$(_ocm_which "$words")
	case ${COMP_WORDS[COMP_CWORD-1]} in
	-s | -f)
		_ocm_files
		return
		;;
	-o)
		_ocm_words "$_ocm_settings"
		compopt -o nospace
		return
		;;
	esac
	case $word in
	'')	_ocm_words "$words -j -s" ;;
	start)	_ocm_words '-F -f -o -s' ;;
	check)	_ocm_words '-f -o' ;;
	log)	_ocm_words 'brief verbose' ;;
	*)	_ocm_words '-j -s' ;;
	esac
}

_ocm()
{
	local words='create join lobby rooms who send listen version help' word
	local options='-s -n -P -h -V --password-file --json --timeout --retry'

	word=$(_ocm_which "$words")
	case ${COMP_WORDS[COMP_CWORD-1]} in
	--password-file)
		_ocm_files
		return
		;;
	-s | -n | -c | --timeout | --retry)
		return
		;;
	esac
	case $word in
	'')	_ocm_words "$words $options" ;;
	help)	_ocm_words "$words" ;;
	listen)	_ocm_words "-c $options" ;;
	*)	_ocm_words "$options" ;;
	esac
}

complete -F _ocmctl ocmctl
complete -F _ocm ocm
