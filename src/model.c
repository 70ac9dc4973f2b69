#include "error.h"
#include "model.h"

const struct model models[MODELS] = {
	{ "answer", "Answer", "answers", "feedback_answer" },
	{ "review", "Review", "reviews", "feedback_review" },
};

int
model_find(struct slice name)
{
	for (int i = 0; i < MODELS; i++)
		if (slice_is(name, models[i].name))
			return i;
	return -1;
}

struct model_choice
model_choice(const char *argument)
{
	struct model_choice choice = { .only = -1 };

	if (strcmp(argument, "all") != 0) {
		choice.only = model_find(slice_of(argument));
		if (choice.only == -1)
			die_usage("--model: '%s' is none of answer, review, all", argument);
	}
	for (int i = 0; i < MODELS; i++)
		choice.chosen[i] = choice.only == -1 || choice.only == i;
	return choice;
}
