"""What a Countdown thought says at each move: one of these, drawn anew every time.

{m}, {sum} and {product} are steps with their results (`28 + 7 = 35`), {e} is a step without it, {state} the numbers on
the table, {near} the result nearest to the target {t}, {gap} how far away it is.
"""

OPENING = (
    "The numbers are {state}, and I have to reach {t}.",
    "I have {state} and need to make {t}, using each of them exactly once.",
    "Okay, the target is {t} and the numbers are {state}.",
    "Let me see. From {state} I should get {t}.",
    "So I need an expression for {t} that uses {state} once each.",
    "First, what do I have? The numbers {state}, and a target of {t}.",
    "We are given {state}. The goal is {t}.",
    "Let me restate the task: make {t} out of {state}, with every number used once.",
    "Alright, {t} from {state}.",
    "The task is to combine {state} so that the result is {t}.",
    "To get to {t}, I may use {state}, each exactly once.",
    "I am looking for a way from {state} to {t}.",
)
SUM_TOO_LOW = (
    "Adding all of them, {m}, is not enough, so I will probably have to multiply somewhere.",
    "The plain sum is only {total} ({m}). A product will probably be needed.",
    "Even the sum of all, {m}, is too low, so addition alone will not do.",
    "Note that {m}, which falls short by {gap}. Multiplying looks like the way up.",
    "Since {m} is below {t}, I should look for a useful product.",
)
SUM_TOO_HIGH = (
    "Adding everything gives {m}, which is {gap} too high, so I should probably subtract or divide somewhere.",
    "All together they make {total} ({m}), so the target is {gap} below the plain sum.",
    "The plain sum is too high: {m}. Something has to bring it down.",
    "Note that {m}, so simply adding overshoots by {gap}.",
    "Since {m} is above {t}, I should look for a difference or a quotient.",
)
START = (
    "Let me start with {m}, which leaves {state}.",
    "I start with {m}. Then I have {state}.",
    "What if I begin with {m}? That leaves {state}.",
    "Suppose the first step is {m}. Now the numbers are {state}.",
    "One idea is {m}, and then I have {state} to work with.",
    "I could take {m} first, so that {state} remain.",
    "Let me try {m}. The numbers are now {state}.",
    "How about {m}? Then I am left with {state}.",
    "Maybe {m} helps. It leaves {state}.",
    "Consider {m}, with {state} left over.",
    "Say I do {m} first. What remains is {state}.",
    "Let me see where {m} leads. I would have {state}.",
    "With {m} as a first step, I am left with {state}.",
)
CONTINUE = (
    "From there, {m} leaves {state}.",
    "Next, {m}, so I have {state}.",
    "Then {m}, and only {state} are left.",
    "With {m} I am down to {state}.",
    "If I continue with {m}, the last two are {state}.",
    "I can go on with {m}; what remains is {state}.",
    "Taking {m} next, I have {state}.",
    "Say {m}. Two numbers are left, {state}.",
    "Let me look at {m}, which leaves {state}.",
    "Maybe {m}; then {state} are left.",
    "Now {m} gives me the pair {state}.",
    "What about {m}? I keep {state}.",
)
RESULTS = (
    "The last two give {list}.",
    "I can get {list}.",
    "Checking what they make: {list}.",
    "The possible results are {list}.",
    "Now {list}.",
    "Let me go through the options: {list}.",
    "These two make {list}.",
    "The options are {list}.",
    "So: {list}.",
    "I compute {list}.",
    "What can I make of them? {list}.",
    "Trying the operations, I get {list}.",
)
INDIVISIBLE = (
    "And {high} is not a multiple of {low}.",
    "Division is out, since {high} is not a multiple of {low}.",
    "(No division here: {high} is not a multiple of {low}.)",
)
ALREADY = (
    "(That is {t} already, but not all numbers are used.)",
    "It is funny that this equals {t}, but the other numbers have to be used too.",
    "That would be {t}, only there are numbers left.",
)
NONE_FITS = (
    "None of these is {t}.",
    "There is no {t} among them.",
    "None of them hits {t}.",
    "So {t} is not among the results.",
    "Nothing here equals {t}.",
    "I don't see {t}.",
    "All of these miss {t}.",
    "But I need {t}.",
    "{t} is not there.",
    "No {t} this time.",
)
NEAREST = (
    "The closest is {near}, which is {gap} too {way}.",
    "The nearest one, {near}, misses {t} by {gap}.",
    "I need {t}, and {near} is {gap} too {way}.",
    "The best I get is {near}, which is off by {gap}.",
    "Not {t}, and the nearest is {near}.",
    "Of these, {near} comes closest, but it is {gap} too {way}.",
    "That is near, but {near} is not {t}.",
    "Only {near} comes close, and it is still off by {gap}.",
    "{near} misses by {gap}.",
    "{near} is {gap} too {way}.",
)
FAR_TOO_LARGE = (
    "The product is far too large.",
    "(Multiplying them would go far beyond {t}.)",
    "Multiplying is out of the question here.",
    "A product of these two would be much too large.",
    "Their product is nowhere near {t}, far too big.",
)
TOO_SMALL = (
    "Even {m} is below {t}.",
    "The most these two can give is {m}, and that is too low.",
    "At best I get {m}, still short of {t}.",
    "The largest result possible here is {m}, less than {t}.",
    "These two are too small: {m} at most.",
    "Even {m} leaves me {gap} short.",
    "They cannot get up to {t}, because the largest result is {m}.",
)
IN_BETWEEN = (
    "But {sum} is too low and {product} is already too high, with nothing in between.",
    "The sum is too low, {sum}, and the product is too high, {product}.",
    "Adding gives too little, {sum}, and multiplying gives too much, {product}.",
    "I see {sum}, too low, then {product}, too high. The others are lower still.",
    "The target lies between {sum} and {product}, so these two cannot make it.",
)
BACK = (
    "That doesn't work. Back to {state}.",
    "Let me go back to {state}.",
    "A dead end, so I go back to {state}.",
    "No luck. I go back to {state}.",
    "Let me undo that and try something else with {state}.",
    "Wait, I still have other options with {state}.",
    "That is not the way. Let me go back to {state}.",
    "I'll go back one step, to {state}.",
    "This doesn't work, so back to {state}.",
    "Hmm, no. I go back to {state}.",
    "Let me try something else with {state}.",
    "That was a dead end. What else can I do with {state}?",
    "Scratch that. Once more from {state}.",
)
GIVE_UP = (
    "I'll give up on {e} and go back to {state}.",
    "None of that went anywhere. Let me go back to {state}.",
    "Starting with {e} doesn't seem to work. Let me go back to {state}.",
    "Let me drop {e} and start over with {state}.",
    "Wait, maybe {e} is the wrong first step. Back to {state}.",
    "I don't see {t} coming out of {e}. Let me start over from {state}.",
    "This branch looks like a dead end. I want another first step from {state}.",
    "So much for {e}. Let me go back to {state}.",
    "Enough of {e}. I go back to {state}.",
    "I don't think {e} helps. I'll start over with {state}.",
    "I'll leave {e} behind and try another first step from {state}.",
    "With {e} I keep missing {t}. Let me go back to {state}.",
)
NOT_YET = (
    "{list}, not {t}.",
    "I see {list}, but I need {t}.",
    "Not yet: {list}.",
    "First {list}, so no {t} so far.",
    "{list}: not what I want.",
)
FOUND = (
    "{m}. That is the target!",
    "{m}, exactly the target.",
    "{m}. Found it.",
    "{m}, which is what I need.",
    "{m}. Yes, that works!",
    "{m}! That's it.",
    "{m}. This is the target.",
    "{m}, and that is the number I was looking for.",
    "{m}. There it is.",
    "{m}. Great, that hits the target.",
    "{m}, so this one works.",
    "{m}. Good, that is it.",
)
CHECK = (
    "Let me check: {steps}. Each of {state} is used exactly once.",
    "Check: {steps}. The numbers {state} are all used, once each.",
    "To be sure, I go through it once more: {steps}. All of {state} appear exactly once.",
    "Let me verify the whole thing: {steps}. I used {state}, each exactly once.",
    "Double-checking, {steps}. That uses {state} and nothing else.",
    "Once more from the beginning: {steps}. Every one of {state} is used once.",
    "The full chain is {steps}, with {state} used once each. Correct.",
    "I verify: {steps}. Nothing is used twice, and none of {state} is left out.",
)
EXPRESSION = (
    "As one expression, {whole}.",
    "In one line, {whole}.",
    "Written out, {whole}.",
    "So the expression is {whole}.",
    "Put together, {whole}.",
    "Altogether, {whole}.",
)
SUMMARY = (
    "We can reach {t} in {n} steps.\n\n{numbered}\n\nEach number is used exactly once, so the answer is\n\n{box}",
    "Here is a way to get {t}:\n\n{bullets}\n\nAs a single expression:\n\n{box}",
    "The target is {t}.\n\n{numbered}\n\nThis uses every given number exactly once.\n\n**Answer:** {box}",
    "First, {steps}. All the numbers are used once, and the result is {t}.\n\nThe final answer is {box}.",
    "To make {t}, I combine the numbers like this:\n\n{bullets}\n\nEvery number appears once. The answer is {box}.",
    "**Solution**\n\n{numbered}\n\nAll the given numbers are used, each of them once.\n\n{box}",
    "We compute {steps}. This reaches {t} with each number used exactly once, so the answer is {box}.",
    "A solution in {n} steps:\n\n{numbered}\n\nTherefore the expression is {box}.",
)
