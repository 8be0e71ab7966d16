# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_lookback_global_optspecs
	string join \n what-if= against= against-model= target= attention= log-colors no-sink by-word whole units at= linear no-mouse tour autoplay no-questions no-motion color= theme= ascii lang= no-config model= adapter= chat system= no-memory-check h/help V/version
end

function __fish_lookback_needs_command
	# Figure out if the current invocation already has a command.
	set -l cmd (commandline -opc)
	set -e cmd[1]
	argparse -s (__fish_lookback_global_optspecs) -- $cmd 2>/dev/null
    or argparse -s (__fish_lookback_global_optspecs) -- $cmd[1..-2] 2>/dev/null
	or return
	if set -q argv[1]
		# Also print the command, so this can be used to figure out what it is.
		echo $argv[1]
		return 1
	end
	return 0
end

function __fish_lookback_using_subcommand
	set -l cmd (__fish_lookback_needs_command)
	test -z "$cmd"
	and return 1
	contains -- $cmd[1] $argv
end

complete -c lookback -n "__fish_lookback_needs_command" -l what-if -d 'Read it with a change, as in mask=off; can be given several times' -r -f
complete -c lookback -n "__fish_lookback_needs_command" -l against -d 'Another sentence, B, beside the first: A, B and what differs are shown in turn' -r -f
complete -c lookback -n "__fish_lookback_needs_command" -l against-model -d 'Another checkpoint of the same shape, B, that reads the same sentence' -r -F
complete -c lookback -n "__fish_lookback_needs_command" -l target -d 'A text that a translator\'s decoder reads instead of its own output, to see how it is aligned' -r -f
complete -c lookback -n "__fish_lookback_needs_command" -l attention -d 'What maps of attention show instead of the weights (the walk\'s C)' -r -f -a "weights\t'softmax: shares that sum to 1 in each row'
norms\t'the length of what the head takes from the word: weight x |v W_O| (Kobayashi et al. 2020)'
heads\t'the weights of this layer\'s heads, averaged'
layers\t'the weights of all heads of all layers, averaged'
rollout\t'weights followed through the layers, half of each being the residual (Abnar and Zuidema 2020)'"
complete -c lookback -n "__fish_lookback_needs_command" -l at -d 'Begin at this step of `lookback steps`' -r -f -a "task\t''
two-machines\t''
tokens\t''
embedding\t''
lab-tokens\t''
rnn-word\t''
rnn-states\t''
rnn-bottleneck\t''
rnn-read-back\t''
rnn-forgetting\t''
rnn-long-range\t''
rnn-waiting\t''
gru-gates\t''
gru-read-back\t''
read-back-length\t''
rnn-decoder\t''
rnn-translation\t''
lab-bottleneck\t''
annotations\t''
energies\t''
attention-softmax\t''
attention-context\t''
attention-decoder\t''
attention-translation\t''
lab-order\t''
positions\t''
q-k-v\t''
scores\t''
scaling\t''
softmax\t''
weighted-sum\t''
heads\t''
concat\t''
residual\t''
layer-norm\t''
ffn-hidden\t''
encoder-stream\t''
it-looks\t''
unguided-twin\t''
three-witnesses\t''
tired-or-wide\t''
lab-pronoun\t''
shifted-target\t''
mask\t''
masked-softmax\t''
decoder-sum\t''
cross-weights\t''
cross-context\t''
probabilities\t''
candidates\t''
sampling\t''
beam-search\t''
kv-cache\t''
teacher-forcing\t''
lab-head\t''
translations\t''
paths\t''
influence\t''
distance\t''
accuracy\t''
lab-one-word\t''
loss\t''
update\t''
dropout\t''
training\t''
lab-teach\t''
which-part\t''
flow\t''
patching\t''
llm-input\t''
llm-causal\t''
residual-stream\t''
next-token\t''
logit-lens\t''
llm-sampling\t''
llm-cache\t''
lab-previous\t''"
complete -c lookback -n "__fish_lookback_needs_command" -l color -d 'When to use colours: if the output can show them, always, or never' -r -f -a "auto\t''
always\t''
never\t''"
complete -c lookback -n "__fish_lookback_needs_command" -l theme -d 'Theme (default: auto for the walk, dark for exported frames)' -r -f -a "auto\t'What suits the terminal\'s background'
dark\t''
light\t''
high-contrast\t''
mono\t'No colours: signs, shades, bold and underlined'"
complete -c lookback -n "__fish_lookback_needs_command" -l lang -d 'Language of the lesson (default: that of the locale, else en)' -r -f -a "en\t''
zh\t''"
complete -c lookback -n "__fish_lookback_needs_command" -l model -d 'A built-in model, `all` of them, or a checkpoint of yours: its folder, its file, or a name of `lookback models`' -r -F
complete -c lookback -n "__fish_lookback_needs_command" -l adapter -d 'The folder of an adapter of that checkpoint: what fine-tuning changes in it (LoRA, as PEFT saves it)' -r -f -a "(__fish_complete_directories)"
complete -c lookback -n "__fish_lookback_needs_command" -l system -d 'What is said to the model before that message' -r
complete -c lookback -n "__fish_lookback_needs_command" -l log-colors -d 'Logarithmic colours, three decades (the walk\'s Y)'
complete -c lookback -n "__fish_lookback_needs_command" -l no-sink -d 'Leave the first word out of the colours of attention (the walk\'s O)'
complete -c lookback -n "__fish_lookback_needs_command" -l by-word -d 'Which words counted: add up the tokens of each word (the walk\'s E)'
complete -c lookback -n "__fish_lookback_needs_command" -l whole -d 'Which words counted for the whole output instead of the words asked about (the walk\'s &)'
complete -c lookback -n "__fish_lookback_needs_command" -l units -d 'Units of feed-forward by what they add, instead of the parts of a logit (the walk\'s S)'
complete -c lookback -n "__fish_lookback_needs_command" -l linear -d 'Plain text, one step at a time, with commands from standard input: for screen readers'
complete -c lookback -n "__fish_lookback_needs_command" -l no-mouse -d 'Leave the mouse to the terminal'
complete -c lookback -n "__fish_lookback_needs_command" -l tour -d 'Take the short tour instead of all steps'
complete -c lookback -n "__fish_lookback_needs_command" -l autoplay -d 'Turn the pages automatically'
complete -c lookback -n "__fish_lookback_needs_command" -l no-questions -d 'Show every step at once, without asking for a prediction first'
complete -c lookback -n "__fish_lookback_needs_command" -l no-motion -d 'Show every step whole at once: nothing unfolds or moves by itself'
complete -c lookback -n "__fish_lookback_needs_command" -l ascii -d 'Draw frames, marks and cells with ASCII characters only'
complete -c lookback -n "__fish_lookback_needs_command" -l no-config -d 'Read no settings and save no state'
complete -c lookback -n "__fish_lookback_needs_command" -l chat -d 'Read the sentence as a message to that checkpoint, in its own chat template'
complete -c lookback -n "__fish_lookback_needs_command" -l no-memory-check -d 'Read although more memory is needed than is free'
complete -c lookback -n "__fish_lookback_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c lookback -n "__fish_lookback_needs_command" -s V -l version -d 'Print version'
complete -c lookback -n "__fish_lookback_needs_command" -a "steps" -d 'List the steps of the walk: ID, chapter, title'
complete -c lookback -n "__fish_lookback_needs_command" -a "open" -d 'Print how one number was computed, and from what'
complete -c lookback -n "__fish_lookback_needs_command" -a "trace" -d 'Write every value of a pass, by address'
complete -c lookback -n "__fish_lookback_needs_command" -a "export" -d 'Write frames of the walk: text, pictures, film, a page'
complete -c lookback -n "__fish_lookback_needs_command" -a "eval" -d 'Print how well each model translates held-out sentences, by length'
complete -c lookback -n "__fish_lookback_needs_command" -a "attribute" -d 'Print what pushed a word above another, part by part, and which words counted'
complete -c lookback -n "__fish_lookback_needs_command" -a "patch" -d 'Put values of one sentence\'s pass into another\'s, one at a time, and print which carry the difference'
complete -c lookback -n "__fish_lookback_needs_command" -a "diff" -d 'Print where two passes differ: of two sentences, or of two models'
complete -c lookback -n "__fish_lookback_needs_command" -a "flow" -d 'Print which words a word was made of, layer by layer down to the tokens'
complete -c lookback -n "__fish_lookback_needs_command" -a "heads" -d 'Print what every attention head does: where it looks, and whether it copies'
complete -c lookback -n "__fish_lookback_needs_command" -a "learn" -d 'Train on one sentence for some steps, and print the loss and what moved'
complete -c lookback -n "__fish_lookback_needs_command" -a "inspect" -d 'Print what is in a checkpoint, whether it can be run, and what would be shown'
complete -c lookback -n "__fish_lookback_needs_command" -a "models" -d 'List the checkpoints on this machine, and which of them can be opened'
complete -c lookback -n "__fish_lookback_needs_command" -a "config" -d 'Print where the settings are, which are in force, and an example'
complete -c lookback -n "__fish_lookback_needs_command" -a "completions" -d 'Print completions for a shell'
complete -c lookback -n "__fish_lookback_needs_command" -a "man" -d 'Print the manual page, of lookback or of one of its commands'
complete -c lookback -n "__fish_lookback_needs_command" -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c lookback -n "__fish_lookback_using_subcommand steps" -l what-if -d 'Read it with a change, as in mask=off; can be given several times' -r -f
complete -c lookback -n "__fish_lookback_using_subcommand steps" -l color -d 'When to use colours: if the output can show them, always, or never' -r -f -a "auto\t''
always\t''
never\t''"
complete -c lookback -n "__fish_lookback_using_subcommand steps" -l theme -d 'Theme (default: auto for the walk, dark for exported frames)' -r -f -a "auto\t'What suits the terminal\'s background'
dark\t''
light\t''
high-contrast\t''
mono\t'No colours: signs, shades, bold and underlined'"
complete -c lookback -n "__fish_lookback_using_subcommand steps" -l lang -d 'Language of the lesson (default: that of the locale, else en)' -r -f -a "en\t''
zh\t''"
complete -c lookback -n "__fish_lookback_using_subcommand steps" -l model -d 'A built-in model, `all` of them, or a checkpoint of yours: its folder, its file, or a name of `lookback models`' -r -F
complete -c lookback -n "__fish_lookback_using_subcommand steps" -l adapter -d 'The folder of an adapter of that checkpoint: what fine-tuning changes in it (LoRA, as PEFT saves it)' -r -f -a "(__fish_complete_directories)"
complete -c lookback -n "__fish_lookback_using_subcommand steps" -l system -d 'What is said to the model before that message' -r
complete -c lookback -n "__fish_lookback_using_subcommand steps" -l ascii -d 'Draw frames, marks and cells with ASCII characters only'
complete -c lookback -n "__fish_lookback_using_subcommand steps" -l no-config -d 'Read no settings and save no state'
complete -c lookback -n "__fish_lookback_using_subcommand steps" -l chat -d 'Read the sentence as a message to that checkpoint, in its own chat template'
complete -c lookback -n "__fish_lookback_using_subcommand steps" -l no-memory-check -d 'Read although more memory is needed than is free'
complete -c lookback -n "__fish_lookback_using_subcommand steps" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c lookback -n "__fish_lookback_using_subcommand open" -l what-if -d 'Read it with a change, as in mask=off; can be given several times' -r -f
complete -c lookback -n "__fish_lookback_using_subcommand open" -l against -d 'Another sentence, B, beside the first: A, B and what differs are shown in turn' -r -f
complete -c lookback -n "__fish_lookback_using_subcommand open" -l against-model -d 'Another checkpoint of the same shape, B, that reads the same sentence' -r -F
complete -c lookback -n "__fish_lookback_using_subcommand open" -l target -d 'A text that a translator\'s decoder reads instead of its own output, to see how it is aligned' -r -f
complete -c lookback -n "__fish_lookback_using_subcommand open" -l depth -d 'How many levels of operands to open as well' -r
complete -c lookback -n "__fish_lookback_using_subcommand open" -l terms -d 'How many terms of a sum are printed one by one; the rest is one number' -r
complete -c lookback -n "__fish_lookback_using_subcommand open" -l color -d 'When to use colours: if the output can show them, always, or never' -r -f -a "auto\t''
always\t''
never\t''"
complete -c lookback -n "__fish_lookback_using_subcommand open" -l theme -d 'Theme (default: auto for the walk, dark for exported frames)' -r -f -a "auto\t'What suits the terminal\'s background'
dark\t''
light\t''
high-contrast\t''
mono\t'No colours: signs, shades, bold and underlined'"
complete -c lookback -n "__fish_lookback_using_subcommand open" -l lang -d 'Language of the lesson (default: that of the locale, else en)' -r -f -a "en\t''
zh\t''"
complete -c lookback -n "__fish_lookback_using_subcommand open" -l model -d 'A built-in model, `all` of them, or a checkpoint of yours: its folder, its file, or a name of `lookback models`' -r -F
complete -c lookback -n "__fish_lookback_using_subcommand open" -l adapter -d 'The folder of an adapter of that checkpoint: what fine-tuning changes in it (LoRA, as PEFT saves it)' -r -f -a "(__fish_complete_directories)"
complete -c lookback -n "__fish_lookback_using_subcommand open" -l system -d 'What is said to the model before that message' -r
complete -c lookback -n "__fish_lookback_using_subcommand open" -l all -d 'Print every term and every operand'
complete -c lookback -n "__fish_lookback_using_subcommand open" -l ascii -d 'Draw frames, marks and cells with ASCII characters only'
complete -c lookback -n "__fish_lookback_using_subcommand open" -l no-config -d 'Read no settings and save no state'
complete -c lookback -n "__fish_lookback_using_subcommand open" -l chat -d 'Read the sentence as a message to that checkpoint, in its own chat template'
complete -c lookback -n "__fish_lookback_using_subcommand open" -l no-memory-check -d 'Read although more memory is needed than is free'
complete -c lookback -n "__fish_lookback_using_subcommand open" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c lookback -n "__fish_lookback_using_subcommand trace" -l what-if -d 'Read it with a change, as in mask=off; can be given several times' -r -f
complete -c lookback -n "__fish_lookback_using_subcommand trace" -l target -d 'A text that a translator\'s decoder reads instead of its own output, to see how it is aligned' -r -f
complete -c lookback -n "__fish_lookback_using_subcommand trace" -l format -d 'Output format (default: by the extension of --out, else json)' -r -f -a "json\t'Text that any language reads'
npz\t'Arrays for numpy.load'
safetensors\t'Arrays for safetensors.numpy, safetensors.torch and others'"
complete -c lookback -n "__fish_lookback_using_subcommand trace" -l sites -d 'Only these sites; `*` stands for any characters, `?` for one, a comma between patterns' -r -f
complete -c lookback -n "__fish_lookback_using_subcommand trace" -l against -d 'Compare with the arrays of this npz or safetensors file, and print the largest differences, worst first' -r -F
complete -c lookback -n "__fish_lookback_using_subcommand trace" -l out -d 'The file or folder to write; `-` is standard output' -r -F
complete -c lookback -n "__fish_lookback_using_subcommand trace" -l color -d 'When to use colours: if the output can show them, always, or never' -r -f -a "auto\t''
always\t''
never\t''"
complete -c lookback -n "__fish_lookback_using_subcommand trace" -l theme -d 'Theme (default: auto for the walk, dark for exported frames)' -r -f -a "auto\t'What suits the terminal\'s background'
dark\t''
light\t''
high-contrast\t''
mono\t'No colours: signs, shades, bold and underlined'"
complete -c lookback -n "__fish_lookback_using_subcommand trace" -l lang -d 'Language of the lesson (default: that of the locale, else en)' -r -f -a "en\t''
zh\t''"
complete -c lookback -n "__fish_lookback_using_subcommand trace" -l model -d 'A built-in model, `all` of them, or a checkpoint of yours: its folder, its file, or a name of `lookback models`' -r -F
complete -c lookback -n "__fish_lookback_using_subcommand trace" -l adapter -d 'The folder of an adapter of that checkpoint: what fine-tuning changes in it (LoRA, as PEFT saves it)' -r -f -a "(__fish_complete_directories)"
complete -c lookback -n "__fish_lookback_using_subcommand trace" -l system -d 'What is said to the model before that message' -r
complete -c lookback -n "__fish_lookback_using_subcommand trace" -l weights -d 'Learned numbers too (without this, only those that --sites matches)'
complete -c lookback -n "__fish_lookback_using_subcommand trace" -l list -d 'Print PATH, axes, shape and caption of the sites instead of their values'
complete -c lookback -n "__fish_lookback_using_subcommand trace" -l schema -d 'Print the JSON Schema of what is written, and nothing else'
complete -c lookback -n "__fish_lookback_using_subcommand trace" -l force -d 'Replace files that exist'
complete -c lookback -n "__fish_lookback_using_subcommand trace" -l ascii -d 'Draw frames, marks and cells with ASCII characters only'
complete -c lookback -n "__fish_lookback_using_subcommand trace" -l no-config -d 'Read no settings and save no state'
complete -c lookback -n "__fish_lookback_using_subcommand trace" -l chat -d 'Read the sentence as a message to that checkpoint, in its own chat template'
complete -c lookback -n "__fish_lookback_using_subcommand trace" -l no-memory-check -d 'Read although more memory is needed than is free'
complete -c lookback -n "__fish_lookback_using_subcommand trace" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c lookback -n "__fish_lookback_using_subcommand export" -l what-if -d 'Read it with a change, as in mask=off; can be given several times' -r -f
complete -c lookback -n "__fish_lookback_using_subcommand export" -l against -d 'Another sentence, B, beside the first: A, B and what differs are shown in turn' -r -f
complete -c lookback -n "__fish_lookback_using_subcommand export" -l against-model -d 'Another checkpoint of the same shape, B, that reads the same sentence' -r -F
complete -c lookback -n "__fish_lookback_using_subcommand export" -l target -d 'A text that a translator\'s decoder reads instead of its own output, to see how it is aligned' -r -f
complete -c lookback -n "__fish_lookback_using_subcommand export" -l attention -d 'What maps of attention show instead of the weights (the walk\'s C)' -r -f -a "weights\t'softmax: shares that sum to 1 in each row'
norms\t'the length of what the head takes from the word: weight x |v W_O| (Kobayashi et al. 2020)'
heads\t'the weights of this layer\'s heads, averaged'
layers\t'the weights of all heads of all layers, averaged'
rollout\t'weights followed through the layers, half of each being the residual (Abnar and Zuidema 2020)'"
complete -c lookback -n "__fish_lookback_using_subcommand export" -l format -d 'Formats to write, separated by commas (default: by the extension of --out, else txt)' -r -f -a "txt\t'characters only'
ansi\t'characters with colours, as terminals read them'
svg\t'a picture of any size, its text to be selected, its fonts in it'
png\t'a picture'
gif\t'film: each frame stays as long as one reads its text'
apng\t'film in all its colours'
html\t'a page of the whole walk, led by keys, in dark and light; needs nothing else'
cast\t'film for terminals, asciicast version 2: asciinema play walk.cast'"
complete -c lookback -n "__fish_lookback_using_subcommand export" -l steps -d 'all, tour, ID or number, ID..ID (both included; either may be left out), chapter:N, chapter:N..N, or a pattern as in \'*softmax*\'; separated by commas' -r -f -a "all\t''
tour\t''
task\t''
two-machines\t''
tokens\t''
embedding\t''
lab-tokens\t''
rnn-word\t''
rnn-states\t''
rnn-bottleneck\t''
rnn-read-back\t''
rnn-forgetting\t''
rnn-long-range\t''
rnn-waiting\t''
gru-gates\t''
gru-read-back\t''
read-back-length\t''
rnn-decoder\t''
rnn-translation\t''
lab-bottleneck\t''
annotations\t''
energies\t''
attention-softmax\t''
attention-context\t''
attention-decoder\t''
attention-translation\t''
lab-order\t''
positions\t''
q-k-v\t''
scores\t''
scaling\t''
softmax\t''
weighted-sum\t''
heads\t''
concat\t''
residual\t''
layer-norm\t''
ffn-hidden\t''
encoder-stream\t''
it-looks\t''
unguided-twin\t''
three-witnesses\t''
tired-or-wide\t''
lab-pronoun\t''
shifted-target\t''
mask\t''
masked-softmax\t''
decoder-sum\t''
cross-weights\t''
cross-context\t''
probabilities\t''
candidates\t''
sampling\t''
beam-search\t''
kv-cache\t''
teacher-forcing\t''
lab-head\t''
translations\t''
paths\t''
influence\t''
distance\t''
accuracy\t''
lab-one-word\t''
loss\t''
update\t''
dropout\t''
training\t''
lab-teach\t''
which-part\t''
flow\t''
patching\t''
llm-input\t''
llm-causal\t''
residual-stream\t''
next-token\t''
logit-lens\t''
llm-sampling\t''
llm-cache\t''
lab-previous\t''"
complete -c lookback -n "__fish_lookback_using_subcommand export" -l size -d 'Columns and rows of a frame' -r
complete -c lookback -n "__fish_lookback_using_subcommand export" -l scale -d 'Scale of pictures, 1 to 4; at 1 a cell has 10 by 22 pixels' -r
complete -c lookback -n "__fish_lookback_using_subcommand export" -l font -d 'A font for characters that the program\'s own fonts lack' -r -F
complete -c lookback -n "__fish_lookback_using_subcommand export" -l pace -d 'Speed of films as a multiple of reading speed, 0.1 to 100' -r
complete -c lookback -n "__fish_lookback_using_subcommand export" -l threads -d 'Number of threads (default: one per core); the files are the same for any number' -r
complete -c lookback -n "__fish_lookback_using_subcommand export" -l out -d 'The file or folder to write; `-` is standard output' -r -F
complete -c lookback -n "__fish_lookback_using_subcommand export" -l color -d 'When to use colours: if the output can show them, always, or never' -r -f -a "auto\t''
always\t''
never\t''"
complete -c lookback -n "__fish_lookback_using_subcommand export" -l theme -d 'Theme (default: auto for the walk, dark for exported frames)' -r -f -a "auto\t'What suits the terminal\'s background'
dark\t''
light\t''
high-contrast\t''
mono\t'No colours: signs, shades, bold and underlined'"
complete -c lookback -n "__fish_lookback_using_subcommand export" -l lang -d 'Language of the lesson (default: that of the locale, else en)' -r -f -a "en\t''
zh\t''"
complete -c lookback -n "__fish_lookback_using_subcommand export" -l model -d 'A built-in model, `all` of them, or a checkpoint of yours: its folder, its file, or a name of `lookback models`' -r -F
complete -c lookback -n "__fish_lookback_using_subcommand export" -l adapter -d 'The folder of an adapter of that checkpoint: what fine-tuning changes in it (LoRA, as PEFT saves it)' -r -f -a "(__fish_complete_directories)"
complete -c lookback -n "__fish_lookback_using_subcommand export" -l system -d 'What is said to the model before that message' -r
complete -c lookback -n "__fish_lookback_using_subcommand export" -l log-colors -d 'Logarithmic colours, three decades (the walk\'s Y)'
complete -c lookback -n "__fish_lookback_using_subcommand export" -l no-sink -d 'Leave the first word out of the colours of attention (the walk\'s O)'
complete -c lookback -n "__fish_lookback_using_subcommand export" -l by-word -d 'Which words counted: add up the tokens of each word (the walk\'s E)'
complete -c lookback -n "__fish_lookback_using_subcommand export" -l whole -d 'Which words counted for the whole output instead of the words asked about (the walk\'s &)'
complete -c lookback -n "__fish_lookback_using_subcommand export" -l units -d 'Units of feed-forward by what they add, instead of the parts of a logit (the walk\'s S)'
complete -c lookback -n "__fish_lookback_using_subcommand export" -l list -d 'Print PATH, format and step of what would be written, and write nothing'
complete -c lookback -n "__fish_lookback_using_subcommand export" -l force -d 'Replace files that exist'
complete -c lookback -n "__fish_lookback_using_subcommand export" -l ascii -d 'Draw frames, marks and cells with ASCII characters only'
complete -c lookback -n "__fish_lookback_using_subcommand export" -l no-config -d 'Read no settings and save no state'
complete -c lookback -n "__fish_lookback_using_subcommand export" -l chat -d 'Read the sentence as a message to that checkpoint, in its own chat template'
complete -c lookback -n "__fish_lookback_using_subcommand export" -l no-memory-check -d 'Read although more memory is needed than is free'
complete -c lookback -n "__fish_lookback_using_subcommand export" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c lookback -n "__fish_lookback_using_subcommand eval" -l data -d 'A file of JSON lines with the fields `en` and `fr` (a text or a list of texts); `-` is standard input' -r -F
complete -c lookback -n "__fish_lookback_using_subcommand eval" -l per-bucket -d 'At most this many sentences of each length' -r
complete -c lookback -n "__fish_lookback_using_subcommand eval" -l format -d 'A table by length, or a line of JSON for every sentence' -r -f -a "table\t''
jsonl\t''"
complete -c lookback -n "__fish_lookback_using_subcommand eval" -l color -d 'When to use colours: if the output can show them, always, or never' -r -f -a "auto\t''
always\t''
never\t''"
complete -c lookback -n "__fish_lookback_using_subcommand eval" -l theme -d 'Theme (default: auto for the walk, dark for exported frames)' -r -f -a "auto\t'What suits the terminal\'s background'
dark\t''
light\t''
high-contrast\t''
mono\t'No colours: signs, shades, bold and underlined'"
complete -c lookback -n "__fish_lookback_using_subcommand eval" -l lang -d 'Language of the lesson (default: that of the locale, else en)' -r -f -a "en\t''
zh\t''"
complete -c lookback -n "__fish_lookback_using_subcommand eval" -l model -d 'A built-in model, `all` of them, or a checkpoint of yours: its folder, its file, or a name of `lookback models`' -r -F
complete -c lookback -n "__fish_lookback_using_subcommand eval" -l adapter -d 'The folder of an adapter of that checkpoint: what fine-tuning changes in it (LoRA, as PEFT saves it)' -r -f -a "(__fish_complete_directories)"
complete -c lookback -n "__fish_lookback_using_subcommand eval" -l system -d 'What is said to the model before that message' -r
complete -c lookback -n "__fish_lookback_using_subcommand eval" -l ascii -d 'Draw frames, marks and cells with ASCII characters only'
complete -c lookback -n "__fish_lookback_using_subcommand eval" -l no-config -d 'Read no settings and save no state'
complete -c lookback -n "__fish_lookback_using_subcommand eval" -l chat -d 'Read the sentence as a message to that checkpoint, in its own chat template'
complete -c lookback -n "__fish_lookback_using_subcommand eval" -l no-memory-check -d 'Read although more memory is needed than is free'
complete -c lookback -n "__fish_lookback_using_subcommand eval" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c lookback -n "__fish_lookback_using_subcommand attribute" -l what-if -d 'Read it with a change, as in mask=off; can be given several times' -r -f
complete -c lookback -n "__fish_lookback_using_subcommand attribute" -l words -d 'The word asked about, and another after a comma, as in il,elle' -r -f
complete -c lookback -n "__fish_lookback_using_subcommand attribute" -l place -d 'The place in the output, counted from 0' -r
complete -c lookback -n "__fish_lookback_using_subcommand attribute" -l units -d 'How many hidden units of each feed-forward are listed, the strongest first' -r
complete -c lookback -n "__fish_lookback_using_subcommand attribute" -l format -d 'Output format (default: by the extension of --out, else table)' -r -f -a "table\t'For people'
json\t'One document, an object for each number'
csv\t'A line for each number'
npz\t'A column for each field, for numpy.load: names and tokens as text, the rest as float32'"
complete -c lookback -n "__fish_lookback_using_subcommand attribute" -l out -d 'The file or folder to write; `-` is standard output' -r -F
complete -c lookback -n "__fish_lookback_using_subcommand attribute" -l color -d 'When to use colours: if the output can show them, always, or never' -r -f -a "auto\t''
always\t''
never\t''"
complete -c lookback -n "__fish_lookback_using_subcommand attribute" -l theme -d 'Theme (default: auto for the walk, dark for exported frames)' -r -f -a "auto\t'What suits the terminal\'s background'
dark\t''
light\t''
high-contrast\t''
mono\t'No colours: signs, shades, bold and underlined'"
complete -c lookback -n "__fish_lookback_using_subcommand attribute" -l lang -d 'Language of the lesson (default: that of the locale, else en)' -r -f -a "en\t''
zh\t''"
complete -c lookback -n "__fish_lookback_using_subcommand attribute" -l model -d 'A built-in model, `all` of them, or a checkpoint of yours: its folder, its file, or a name of `lookback models`' -r -F
complete -c lookback -n "__fish_lookback_using_subcommand attribute" -l adapter -d 'The folder of an adapter of that checkpoint: what fine-tuning changes in it (LoRA, as PEFT saves it)' -r -f -a "(__fish_complete_directories)"
complete -c lookback -n "__fish_lookback_using_subcommand attribute" -l system -d 'What is said to the model before that message' -r
complete -c lookback -n "__fish_lookback_using_subcommand attribute" -l whole -d 'Which words counted for the whole output instead of the one word'
complete -c lookback -n "__fish_lookback_using_subcommand attribute" -l by-word -d 'Add up the tokens of each word'
complete -c lookback -n "__fish_lookback_using_subcommand attribute" -l force -d 'Replace files that exist'
complete -c lookback -n "__fish_lookback_using_subcommand attribute" -l ascii -d 'Draw frames, marks and cells with ASCII characters only'
complete -c lookback -n "__fish_lookback_using_subcommand attribute" -l no-config -d 'Read no settings and save no state'
complete -c lookback -n "__fish_lookback_using_subcommand attribute" -l chat -d 'Read the sentence as a message to that checkpoint, in its own chat template'
complete -c lookback -n "__fish_lookback_using_subcommand attribute" -l no-memory-check -d 'Read although more memory is needed than is free'
complete -c lookback -n "__fish_lookback_using_subcommand attribute" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c lookback -n "__fish_lookback_using_subcommand patch" -l against -d 'The other sentence, B: its pass gets values of the first one\'s, A' -r -f
complete -c lookback -n "__fish_lookback_using_subcommand patch" -l what-if -d 'Read it with a change, as in mask=off; can be given several times' -r -f
complete -c lookback -n "__fish_lookback_using_subcommand patch" -l words -d 'The word asked about, and another after a comma, as in il,elle' -r -f
complete -c lookback -n "__fish_lookback_using_subcommand patch" -l place -d 'The place in the output, counted from 0' -r
complete -c lookback -n "__fish_lookback_using_subcommand patch" -l format -d 'Output format (default: by the extension of --out, else table)' -r -f -a "table\t'For people'
json\t'One document, an object for each number'
csv\t'A line for each number'
npz\t'A column for each field, for numpy.load: names and tokens as text, the rest as float32'"
complete -c lookback -n "__fish_lookback_using_subcommand patch" -l out -d 'The file or folder to write; `-` is standard output' -r -F
complete -c lookback -n "__fish_lookback_using_subcommand patch" -l color -d 'When to use colours: if the output can show them, always, or never' -r -f -a "auto\t''
always\t''
never\t''"
complete -c lookback -n "__fish_lookback_using_subcommand patch" -l theme -d 'Theme (default: auto for the walk, dark for exported frames)' -r -f -a "auto\t'What suits the terminal\'s background'
dark\t''
light\t''
high-contrast\t''
mono\t'No colours: signs, shades, bold and underlined'"
complete -c lookback -n "__fish_lookback_using_subcommand patch" -l lang -d 'Language of the lesson (default: that of the locale, else en)' -r -f -a "en\t''
zh\t''"
complete -c lookback -n "__fish_lookback_using_subcommand patch" -l model -d 'A built-in model, `all` of them, or a checkpoint of yours: its folder, its file, or a name of `lookback models`' -r -F
complete -c lookback -n "__fish_lookback_using_subcommand patch" -l adapter -d 'The folder of an adapter of that checkpoint: what fine-tuning changes in it (LoRA, as PEFT saves it)' -r -f -a "(__fish_complete_directories)"
complete -c lookback -n "__fish_lookback_using_subcommand patch" -l system -d 'What is said to the model before that message' -r
complete -c lookback -n "__fish_lookback_using_subcommand patch" -l force -d 'Replace files that exist'
complete -c lookback -n "__fish_lookback_using_subcommand patch" -l ascii -d 'Draw frames, marks and cells with ASCII characters only'
complete -c lookback -n "__fish_lookback_using_subcommand patch" -l no-config -d 'Read no settings and save no state'
complete -c lookback -n "__fish_lookback_using_subcommand patch" -l chat -d 'Read the sentence as a message to that checkpoint, in its own chat template'
complete -c lookback -n "__fish_lookback_using_subcommand patch" -l no-memory-check -d 'Read although more memory is needed than is free'
complete -c lookback -n "__fish_lookback_using_subcommand patch" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c lookback -n "__fish_lookback_using_subcommand diff" -l what-if -d 'Read it with a change, as in mask=off; can be given several times' -r -f
complete -c lookback -n "__fish_lookback_using_subcommand diff" -l against -d 'Another sentence, B, beside the first: A, B and what differs are shown in turn' -r -f
complete -c lookback -n "__fish_lookback_using_subcommand diff" -l against-model -d 'Another checkpoint of the same shape, B, that reads the same sentence' -r -F
complete -c lookback -n "__fish_lookback_using_subcommand diff" -l words -d 'The word asked about, and another after a comma, as in il,elle' -r -f
complete -c lookback -n "__fish_lookback_using_subcommand diff" -l place -d 'The place in the output, counted from 0' -r
complete -c lookback -n "__fish_lookback_using_subcommand diff" -l top -d 'How many of the numbers that differ most are listed' -r
complete -c lookback -n "__fish_lookback_using_subcommand diff" -l format -d 'Output format (default: by the extension of --out, else table)' -r -f -a "table\t'For people'
json\t'One document, an object for each number'
csv\t'A line for each number'
npz\t'A column for each field, for numpy.load: names and tokens as text, the rest as float32'"
complete -c lookback -n "__fish_lookback_using_subcommand diff" -l out -d 'The file or folder to write; `-` is standard output' -r -F
complete -c lookback -n "__fish_lookback_using_subcommand diff" -l color -d 'When to use colours: if the output can show them, always, or never' -r -f -a "auto\t''
always\t''
never\t''"
complete -c lookback -n "__fish_lookback_using_subcommand diff" -l theme -d 'Theme (default: auto for the walk, dark for exported frames)' -r -f -a "auto\t'What suits the terminal\'s background'
dark\t''
light\t''
high-contrast\t''
mono\t'No colours: signs, shades, bold and underlined'"
complete -c lookback -n "__fish_lookback_using_subcommand diff" -l lang -d 'Language of the lesson (default: that of the locale, else en)' -r -f -a "en\t''
zh\t''"
complete -c lookback -n "__fish_lookback_using_subcommand diff" -l model -d 'A built-in model, `all` of them, or a checkpoint of yours: its folder, its file, or a name of `lookback models`' -r -F
complete -c lookback -n "__fish_lookback_using_subcommand diff" -l adapter -d 'The folder of an adapter of that checkpoint: what fine-tuning changes in it (LoRA, as PEFT saves it)' -r -f -a "(__fish_complete_directories)"
complete -c lookback -n "__fish_lookback_using_subcommand diff" -l system -d 'What is said to the model before that message' -r
complete -c lookback -n "__fish_lookback_using_subcommand diff" -l force -d 'Replace files that exist'
complete -c lookback -n "__fish_lookback_using_subcommand diff" -l ascii -d 'Draw frames, marks and cells with ASCII characters only'
complete -c lookback -n "__fish_lookback_using_subcommand diff" -l no-config -d 'Read no settings and save no state'
complete -c lookback -n "__fish_lookback_using_subcommand diff" -l chat -d 'Read the sentence as a message to that checkpoint, in its own chat template'
complete -c lookback -n "__fish_lookback_using_subcommand diff" -l no-memory-check -d 'Read although more memory is needed than is free'
complete -c lookback -n "__fish_lookback_using_subcommand diff" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c lookback -n "__fish_lookback_using_subcommand flow" -l what-if -d 'Read it with a change, as in mask=off; can be given several times' -r -f
complete -c lookback -n "__fish_lookback_using_subcommand flow" -l words -d 'The word asked about, and another after a comma, as in il,elle' -r -f
complete -c lookback -n "__fish_lookback_using_subcommand flow" -l place -d 'The place in the output, counted from 0' -r
complete -c lookback -n "__fish_lookback_using_subcommand flow" -l threshold -d 'The least share that a route follows, 0 to 1 (default: chosen by its number of lines)' -r
complete -c lookback -n "__fish_lookback_using_subcommand flow" -l format -d 'Output format (default: by the extension of --out, else table)' -r -f -a "table\t'For people'
json\t'One document, an object for each number'
csv\t'A line for each number'
npz\t'A column for each field, for numpy.load: names and tokens as text, the rest as float32'"
complete -c lookback -n "__fish_lookback_using_subcommand flow" -l out -d 'The file or folder to write; `-` is standard output' -r -F
complete -c lookback -n "__fish_lookback_using_subcommand flow" -l color -d 'When to use colours: if the output can show them, always, or never' -r -f -a "auto\t''
always\t''
never\t''"
complete -c lookback -n "__fish_lookback_using_subcommand flow" -l theme -d 'Theme (default: auto for the walk, dark for exported frames)' -r -f -a "auto\t'What suits the terminal\'s background'
dark\t''
light\t''
high-contrast\t''
mono\t'No colours: signs, shades, bold and underlined'"
complete -c lookback -n "__fish_lookback_using_subcommand flow" -l lang -d 'Language of the lesson (default: that of the locale, else en)' -r -f -a "en\t''
zh\t''"
complete -c lookback -n "__fish_lookback_using_subcommand flow" -l model -d 'A built-in model, `all` of them, or a checkpoint of yours: its folder, its file, or a name of `lookback models`' -r -F
complete -c lookback -n "__fish_lookback_using_subcommand flow" -l adapter -d 'The folder of an adapter of that checkpoint: what fine-tuning changes in it (LoRA, as PEFT saves it)' -r -f -a "(__fish_complete_directories)"
complete -c lookback -n "__fish_lookback_using_subcommand flow" -l system -d 'What is said to the model before that message' -r
complete -c lookback -n "__fish_lookback_using_subcommand flow" -l force -d 'Replace files that exist'
complete -c lookback -n "__fish_lookback_using_subcommand flow" -l ascii -d 'Draw frames, marks and cells with ASCII characters only'
complete -c lookback -n "__fish_lookback_using_subcommand flow" -l no-config -d 'Read no settings and save no state'
complete -c lookback -n "__fish_lookback_using_subcommand flow" -l chat -d 'Read the sentence as a message to that checkpoint, in its own chat template'
complete -c lookback -n "__fish_lookback_using_subcommand flow" -l no-memory-check -d 'Read although more memory is needed than is free'
complete -c lookback -n "__fish_lookback_using_subcommand flow" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c lookback -n "__fish_lookback_using_subcommand heads" -l what-if -d 'Read it with a change, as in mask=off; can be given several times' -r -f
complete -c lookback -n "__fish_lookback_using_subcommand heads" -l map -d 'A map of attention of every site, word by word, instead of the scores' -r -f -a "weights\t'softmax: shares that sum to 1 in each row'
norms\t'the length of what the head takes from the word: weight x |v W_O| (Kobayashi et al. 2020)'
heads\t'the weights of this layer\'s heads, averaged'
layers\t'the weights of all heads of all layers, averaged'
rollout\t'weights followed through the layers, half of each being the residual (Abnar and Zuidema 2020)'"
complete -c lookback -n "__fish_lookback_using_subcommand heads" -l format -d 'Output format (default: by the extension of --out, else table)' -r -f -a "table\t'For people'
json\t'One document, an object for each number'
csv\t'A line for each number'
npz\t'A column for each field, for numpy.load: names and tokens as text, the rest as float32'"
complete -c lookback -n "__fish_lookback_using_subcommand heads" -l out -d 'The file or folder to write; `-` is standard output' -r -F
complete -c lookback -n "__fish_lookback_using_subcommand heads" -l color -d 'When to use colours: if the output can show them, always, or never' -r -f -a "auto\t''
always\t''
never\t''"
complete -c lookback -n "__fish_lookback_using_subcommand heads" -l theme -d 'Theme (default: auto for the walk, dark for exported frames)' -r -f -a "auto\t'What suits the terminal\'s background'
dark\t''
light\t''
high-contrast\t''
mono\t'No colours: signs, shades, bold and underlined'"
complete -c lookback -n "__fish_lookback_using_subcommand heads" -l lang -d 'Language of the lesson (default: that of the locale, else en)' -r -f -a "en\t''
zh\t''"
complete -c lookback -n "__fish_lookback_using_subcommand heads" -l model -d 'A built-in model, `all` of them, or a checkpoint of yours: its folder, its file, or a name of `lookback models`' -r -F
complete -c lookback -n "__fish_lookback_using_subcommand heads" -l adapter -d 'The folder of an adapter of that checkpoint: what fine-tuning changes in it (LoRA, as PEFT saves it)' -r -f -a "(__fish_complete_directories)"
complete -c lookback -n "__fish_lookback_using_subcommand heads" -l system -d 'What is said to the model before that message' -r
complete -c lookback -n "__fish_lookback_using_subcommand heads" -l force -d 'Replace files that exist'
complete -c lookback -n "__fish_lookback_using_subcommand heads" -l ascii -d 'Draw frames, marks and cells with ASCII characters only'
complete -c lookback -n "__fish_lookback_using_subcommand heads" -l no-config -d 'Read no settings and save no state'
complete -c lookback -n "__fish_lookback_using_subcommand heads" -l chat -d 'Read the sentence as a message to that checkpoint, in its own chat template'
complete -c lookback -n "__fish_lookback_using_subcommand heads" -l no-memory-check -d 'Read although more memory is needed than is free'
complete -c lookback -n "__fish_lookback_using_subcommand heads" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c lookback -n "__fish_lookback_using_subcommand learn" -l what-if -d 'Read it with a change, as in mask=off; can be given several times' -r -f
complete -c lookback -n "__fish_lookback_using_subcommand learn" -l target -d 'What a translator should write (default: what it writes), or the masked words of a text' -r -f
complete -c lookback -n "__fish_lookback_using_subcommand learn" -l steps -d 'How many steps' -r
complete -c lookback -n "__fish_lookback_using_subcommand learn" -l optimizer -d 'The rule of the update' -r -f -a "sgd\t'w - rate * gradient'
adam\t'Kingma and Ba 2015'"
complete -c lookback -n "__fish_lookback_using_subcommand learn" -l rate -d 'The learning rate (default: 0.005 for sgd, 0.001 for adam)' -r
complete -c lookback -n "__fish_lookback_using_subcommand learn" -l format -d 'Output format (default: by the extension of --out, else table)' -r -f -a "table\t'For people'
json\t'One document, an object for each number'
csv\t'A line for each number'
npz\t'A column for each field, for numpy.load: names and tokens as text, the rest as float32'"
complete -c lookback -n "__fish_lookback_using_subcommand learn" -l out -d 'The file or folder to write; `-` is standard output' -r -F
complete -c lookback -n "__fish_lookback_using_subcommand learn" -l color -d 'When to use colours: if the output can show them, always, or never' -r -f -a "auto\t''
always\t''
never\t''"
complete -c lookback -n "__fish_lookback_using_subcommand learn" -l theme -d 'Theme (default: auto for the walk, dark for exported frames)' -r -f -a "auto\t'What suits the terminal\'s background'
dark\t''
light\t''
high-contrast\t''
mono\t'No colours: signs, shades, bold and underlined'"
complete -c lookback -n "__fish_lookback_using_subcommand learn" -l lang -d 'Language of the lesson (default: that of the locale, else en)' -r -f -a "en\t''
zh\t''"
complete -c lookback -n "__fish_lookback_using_subcommand learn" -l model -d 'A built-in model, `all` of them, or a checkpoint of yours: its folder, its file, or a name of `lookback models`' -r -F
complete -c lookback -n "__fish_lookback_using_subcommand learn" -l adapter -d 'The folder of an adapter of that checkpoint: what fine-tuning changes in it (LoRA, as PEFT saves it)' -r -f -a "(__fish_complete_directories)"
complete -c lookback -n "__fish_lookback_using_subcommand learn" -l system -d 'What is said to the model before that message' -r
complete -c lookback -n "__fish_lookback_using_subcommand learn" -l force -d 'Replace files that exist'
complete -c lookback -n "__fish_lookback_using_subcommand learn" -l ascii -d 'Draw frames, marks and cells with ASCII characters only'
complete -c lookback -n "__fish_lookback_using_subcommand learn" -l no-config -d 'Read no settings and save no state'
complete -c lookback -n "__fish_lookback_using_subcommand learn" -l chat -d 'Read the sentence as a message to that checkpoint, in its own chat template'
complete -c lookback -n "__fish_lookback_using_subcommand learn" -l no-memory-check -d 'Read although more memory is needed than is free'
complete -c lookback -n "__fish_lookback_using_subcommand learn" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c lookback -n "__fish_lookback_using_subcommand inspect" -l color -d 'When to use colours: if the output can show them, always, or never' -r -f -a "auto\t''
always\t''
never\t''"
complete -c lookback -n "__fish_lookback_using_subcommand inspect" -l theme -d 'Theme (default: auto for the walk, dark for exported frames)' -r -f -a "auto\t'What suits the terminal\'s background'
dark\t''
light\t''
high-contrast\t''
mono\t'No colours: signs, shades, bold and underlined'"
complete -c lookback -n "__fish_lookback_using_subcommand inspect" -l lang -d 'Language of the lesson (default: that of the locale, else en)' -r -f -a "en\t''
zh\t''"
complete -c lookback -n "__fish_lookback_using_subcommand inspect" -l model -d 'A built-in model, `all` of them, or a checkpoint of yours: its folder, its file, or a name of `lookback models`' -r -F
complete -c lookback -n "__fish_lookback_using_subcommand inspect" -l adapter -d 'The folder of an adapter of that checkpoint: what fine-tuning changes in it (LoRA, as PEFT saves it)' -r -f -a "(__fish_complete_directories)"
complete -c lookback -n "__fish_lookback_using_subcommand inspect" -l system -d 'What is said to the model before that message' -r
complete -c lookback -n "__fish_lookback_using_subcommand inspect" -l json -d 'Print everything as one JSON document'
complete -c lookback -n "__fish_lookback_using_subcommand inspect" -l tensors -d 'List all tensors, however many'
complete -c lookback -n "__fish_lookback_using_subcommand inspect" -l ascii -d 'Draw frames, marks and cells with ASCII characters only'
complete -c lookback -n "__fish_lookback_using_subcommand inspect" -l no-config -d 'Read no settings and save no state'
complete -c lookback -n "__fish_lookback_using_subcommand inspect" -l chat -d 'Read the sentence as a message to that checkpoint, in its own chat template'
complete -c lookback -n "__fish_lookback_using_subcommand inspect" -l no-memory-check -d 'Read although more memory is needed than is free'
complete -c lookback -n "__fish_lookback_using_subcommand inspect" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c lookback -n "__fish_lookback_using_subcommand models" -l format -d 'A table, or one JSON document' -r -f -a "table\t''
json\t''"
complete -c lookback -n "__fish_lookback_using_subcommand models" -l color -d 'When to use colours: if the output can show them, always, or never' -r -f -a "auto\t''
always\t''
never\t''"
complete -c lookback -n "__fish_lookback_using_subcommand models" -l theme -d 'Theme (default: auto for the walk, dark for exported frames)' -r -f -a "auto\t'What suits the terminal\'s background'
dark\t''
light\t''
high-contrast\t''
mono\t'No colours: signs, shades, bold and underlined'"
complete -c lookback -n "__fish_lookback_using_subcommand models" -l lang -d 'Language of the lesson (default: that of the locale, else en)' -r -f -a "en\t''
zh\t''"
complete -c lookback -n "__fish_lookback_using_subcommand models" -l model -d 'A built-in model, `all` of them, or a checkpoint of yours: its folder, its file, or a name of `lookback models`' -r -F
complete -c lookback -n "__fish_lookback_using_subcommand models" -l adapter -d 'The folder of an adapter of that checkpoint: what fine-tuning changes in it (LoRA, as PEFT saves it)' -r -f -a "(__fish_complete_directories)"
complete -c lookback -n "__fish_lookback_using_subcommand models" -l system -d 'What is said to the model before that message' -r
complete -c lookback -n "__fish_lookback_using_subcommand models" -l ascii -d 'Draw frames, marks and cells with ASCII characters only'
complete -c lookback -n "__fish_lookback_using_subcommand models" -l no-config -d 'Read no settings and save no state'
complete -c lookback -n "__fish_lookback_using_subcommand models" -l chat -d 'Read the sentence as a message to that checkpoint, in its own chat template'
complete -c lookback -n "__fish_lookback_using_subcommand models" -l no-memory-check -d 'Read although more memory is needed than is free'
complete -c lookback -n "__fish_lookback_using_subcommand models" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c lookback -n "__fish_lookback_using_subcommand config" -l color -d 'When to use colours: if the output can show them, always, or never' -r -f -a "auto\t''
always\t''
never\t''"
complete -c lookback -n "__fish_lookback_using_subcommand config" -l theme -d 'Theme (default: auto for the walk, dark for exported frames)' -r -f -a "auto\t'What suits the terminal\'s background'
dark\t''
light\t''
high-contrast\t''
mono\t'No colours: signs, shades, bold and underlined'"
complete -c lookback -n "__fish_lookback_using_subcommand config" -l lang -d 'Language of the lesson (default: that of the locale, else en)' -r -f -a "en\t''
zh\t''"
complete -c lookback -n "__fish_lookback_using_subcommand config" -l model -d 'A built-in model, `all` of them, or a checkpoint of yours: its folder, its file, or a name of `lookback models`' -r -F
complete -c lookback -n "__fish_lookback_using_subcommand config" -l adapter -d 'The folder of an adapter of that checkpoint: what fine-tuning changes in it (LoRA, as PEFT saves it)' -r -f -a "(__fish_complete_directories)"
complete -c lookback -n "__fish_lookback_using_subcommand config" -l system -d 'What is said to the model before that message' -r
complete -c lookback -n "__fish_lookback_using_subcommand config" -l ascii -d 'Draw frames, marks and cells with ASCII characters only'
complete -c lookback -n "__fish_lookback_using_subcommand config" -l no-config -d 'Read no settings and save no state'
complete -c lookback -n "__fish_lookback_using_subcommand config" -l chat -d 'Read the sentence as a message to that checkpoint, in its own chat template'
complete -c lookback -n "__fish_lookback_using_subcommand config" -l no-memory-check -d 'Read although more memory is needed than is free'
complete -c lookback -n "__fish_lookback_using_subcommand config" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c lookback -n "__fish_lookback_using_subcommand completions" -l color -d 'When to use colours: if the output can show them, always, or never' -r -f -a "auto\t''
always\t''
never\t''"
complete -c lookback -n "__fish_lookback_using_subcommand completions" -l theme -d 'Theme (default: auto for the walk, dark for exported frames)' -r -f -a "auto\t'What suits the terminal\'s background'
dark\t''
light\t''
high-contrast\t''
mono\t'No colours: signs, shades, bold and underlined'"
complete -c lookback -n "__fish_lookback_using_subcommand completions" -l lang -d 'Language of the lesson (default: that of the locale, else en)' -r -f -a "en\t''
zh\t''"
complete -c lookback -n "__fish_lookback_using_subcommand completions" -l model -d 'A built-in model, `all` of them, or a checkpoint of yours: its folder, its file, or a name of `lookback models`' -r -F
complete -c lookback -n "__fish_lookback_using_subcommand completions" -l adapter -d 'The folder of an adapter of that checkpoint: what fine-tuning changes in it (LoRA, as PEFT saves it)' -r -f -a "(__fish_complete_directories)"
complete -c lookback -n "__fish_lookback_using_subcommand completions" -l system -d 'What is said to the model before that message' -r
complete -c lookback -n "__fish_lookback_using_subcommand completions" -l ascii -d 'Draw frames, marks and cells with ASCII characters only'
complete -c lookback -n "__fish_lookback_using_subcommand completions" -l no-config -d 'Read no settings and save no state'
complete -c lookback -n "__fish_lookback_using_subcommand completions" -l chat -d 'Read the sentence as a message to that checkpoint, in its own chat template'
complete -c lookback -n "__fish_lookback_using_subcommand completions" -l no-memory-check -d 'Read although more memory is needed than is free'
complete -c lookback -n "__fish_lookback_using_subcommand completions" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c lookback -n "__fish_lookback_using_subcommand man" -l color -d 'When to use colours: if the output can show them, always, or never' -r -f -a "auto\t''
always\t''
never\t''"
complete -c lookback -n "__fish_lookback_using_subcommand man" -l theme -d 'Theme (default: auto for the walk, dark for exported frames)' -r -f -a "auto\t'What suits the terminal\'s background'
dark\t''
light\t''
high-contrast\t''
mono\t'No colours: signs, shades, bold and underlined'"
complete -c lookback -n "__fish_lookback_using_subcommand man" -l lang -d 'Language of the lesson (default: that of the locale, else en)' -r -f -a "en\t''
zh\t''"
complete -c lookback -n "__fish_lookback_using_subcommand man" -l model -d 'A built-in model, `all` of them, or a checkpoint of yours: its folder, its file, or a name of `lookback models`' -r -F
complete -c lookback -n "__fish_lookback_using_subcommand man" -l adapter -d 'The folder of an adapter of that checkpoint: what fine-tuning changes in it (LoRA, as PEFT saves it)' -r -f -a "(__fish_complete_directories)"
complete -c lookback -n "__fish_lookback_using_subcommand man" -l system -d 'What is said to the model before that message' -r
complete -c lookback -n "__fish_lookback_using_subcommand man" -l ascii -d 'Draw frames, marks and cells with ASCII characters only'
complete -c lookback -n "__fish_lookback_using_subcommand man" -l no-config -d 'Read no settings and save no state'
complete -c lookback -n "__fish_lookback_using_subcommand man" -l chat -d 'Read the sentence as a message to that checkpoint, in its own chat template'
complete -c lookback -n "__fish_lookback_using_subcommand man" -l no-memory-check -d 'Read although more memory is needed than is free'
complete -c lookback -n "__fish_lookback_using_subcommand man" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c lookback -n "__fish_lookback_using_subcommand help; and not __fish_seen_subcommand_from steps open trace export eval attribute patch diff flow heads learn inspect models config completions man help" -f -a "steps" -d 'List the steps of the walk: ID, chapter, title'
complete -c lookback -n "__fish_lookback_using_subcommand help; and not __fish_seen_subcommand_from steps open trace export eval attribute patch diff flow heads learn inspect models config completions man help" -f -a "open" -d 'Print how one number was computed, and from what'
complete -c lookback -n "__fish_lookback_using_subcommand help; and not __fish_seen_subcommand_from steps open trace export eval attribute patch diff flow heads learn inspect models config completions man help" -f -a "trace" -d 'Write every value of a pass, by address'
complete -c lookback -n "__fish_lookback_using_subcommand help; and not __fish_seen_subcommand_from steps open trace export eval attribute patch diff flow heads learn inspect models config completions man help" -f -a "export" -d 'Write frames of the walk: text, pictures, film, a page'
complete -c lookback -n "__fish_lookback_using_subcommand help; and not __fish_seen_subcommand_from steps open trace export eval attribute patch diff flow heads learn inspect models config completions man help" -f -a "eval" -d 'Print how well each model translates held-out sentences, by length'
complete -c lookback -n "__fish_lookback_using_subcommand help; and not __fish_seen_subcommand_from steps open trace export eval attribute patch diff flow heads learn inspect models config completions man help" -f -a "attribute" -d 'Print what pushed a word above another, part by part, and which words counted'
complete -c lookback -n "__fish_lookback_using_subcommand help; and not __fish_seen_subcommand_from steps open trace export eval attribute patch diff flow heads learn inspect models config completions man help" -f -a "patch" -d 'Put values of one sentence\'s pass into another\'s, one at a time, and print which carry the difference'
complete -c lookback -n "__fish_lookback_using_subcommand help; and not __fish_seen_subcommand_from steps open trace export eval attribute patch diff flow heads learn inspect models config completions man help" -f -a "diff" -d 'Print where two passes differ: of two sentences, or of two models'
complete -c lookback -n "__fish_lookback_using_subcommand help; and not __fish_seen_subcommand_from steps open trace export eval attribute patch diff flow heads learn inspect models config completions man help" -f -a "flow" -d 'Print which words a word was made of, layer by layer down to the tokens'
complete -c lookback -n "__fish_lookback_using_subcommand help; and not __fish_seen_subcommand_from steps open trace export eval attribute patch diff flow heads learn inspect models config completions man help" -f -a "heads" -d 'Print what every attention head does: where it looks, and whether it copies'
complete -c lookback -n "__fish_lookback_using_subcommand help; and not __fish_seen_subcommand_from steps open trace export eval attribute patch diff flow heads learn inspect models config completions man help" -f -a "learn" -d 'Train on one sentence for some steps, and print the loss and what moved'
complete -c lookback -n "__fish_lookback_using_subcommand help; and not __fish_seen_subcommand_from steps open trace export eval attribute patch diff flow heads learn inspect models config completions man help" -f -a "inspect" -d 'Print what is in a checkpoint, whether it can be run, and what would be shown'
complete -c lookback -n "__fish_lookback_using_subcommand help; and not __fish_seen_subcommand_from steps open trace export eval attribute patch diff flow heads learn inspect models config completions man help" -f -a "models" -d 'List the checkpoints on this machine, and which of them can be opened'
complete -c lookback -n "__fish_lookback_using_subcommand help; and not __fish_seen_subcommand_from steps open trace export eval attribute patch diff flow heads learn inspect models config completions man help" -f -a "config" -d 'Print where the settings are, which are in force, and an example'
complete -c lookback -n "__fish_lookback_using_subcommand help; and not __fish_seen_subcommand_from steps open trace export eval attribute patch diff flow heads learn inspect models config completions man help" -f -a "completions" -d 'Print completions for a shell'
complete -c lookback -n "__fish_lookback_using_subcommand help; and not __fish_seen_subcommand_from steps open trace export eval attribute patch diff flow heads learn inspect models config completions man help" -f -a "man" -d 'Print the manual page, of lookback or of one of its commands'
complete -c lookback -n "__fish_lookback_using_subcommand help; and not __fish_seen_subcommand_from steps open trace export eval attribute patch diff flow heads learn inspect models config completions man help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c lookback -n "__fish_lookback_needs_command" -f
complete -c lookback -n "__fish_lookback_using_subcommand steps" -f
complete -c lookback -n "__fish_lookback_using_subcommand open" -f
complete -c lookback -n "__fish_lookback_using_subcommand trace" -f
complete -c lookback -n "__fish_lookback_using_subcommand export" -f
complete -c lookback -n "__fish_lookback_using_subcommand eval" -f
complete -c lookback -n "__fish_lookback_using_subcommand attribute" -f
complete -c lookback -n "__fish_lookback_using_subcommand patch" -f
complete -c lookback -n "__fish_lookback_using_subcommand diff" -f
complete -c lookback -n "__fish_lookback_using_subcommand flow" -f
complete -c lookback -n "__fish_lookback_using_subcommand heads" -f
complete -c lookback -n "__fish_lookback_using_subcommand learn" -f
complete -c lookback -n "__fish_lookback_using_subcommand models" -f
complete -c lookback -n "__fish_lookback_using_subcommand config" -f
complete -c lookback -n "__fish_lookback_using_subcommand completions" -f -a "bash elvish fish powershell zsh"
complete -c lookback -n "__fish_lookback_using_subcommand man" -f -a "steps open trace export eval attribute patch diff flow heads learn inspect models config completions man"
