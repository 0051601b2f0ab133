#include <stdio.h>
#include "greeting.h"

void greet(const char *name)
{
	printf("hello, %s\n", name);
}
